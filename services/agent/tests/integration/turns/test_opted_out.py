"""Who opted out is heard and not answered: no model is paid for what would not be sent."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from agent_service.app.contexts import tenant_opener
from agent_service.domain.model import (
    Answer,
    Effect,
    Request,
    Said,
    ToolCall,
    ToolResult,
    ToolSpec,
    Usage,
    conversation_id,
)
from agent_service.domain.model.schemas import closed
from agent_service.domain.ports import RemoteTool, ToolScope
from agent_service.domain.usecases import control
from common.contracts import ChatId, IntegrationId

pytestmark = pytest.mark.integration

OUT = {"opted_out": True}
USED = Usage(10, 0, 5)


async def operator(desk: Any, what: Any, *arguments: Any) -> Any:
    name = conversation_id(desk.agent.tenant, IntegrationId("int_1"), ChatId("c"))
    async with tenant_opener(desk.database, lambda: None)(desk.agent.tenant) as context:
        return await what(context, name, *arguments, "key:test")


async def asked(desk: Any, *lines: Any) -> list[list[str]]:
    """What customers' words each call of a model holds, from now on."""
    model = desk.script(*lines)
    await desk.next_worker(model)
    return [[item.text for item in one.items if item.role == "user"] for one in model.asked]


@dataclass
class OptingOut:
    """A customer who opts out while the model thinks of its so-manieth answer."""

    desk: Any
    answers: list[Answer]
    at: int = 1
    asked: list[list[str]] = field(default_factory=list)

    async def answer(self, request: Request) -> Answer:
        said = [item for item in request.items if isinstance(item, Said)]
        self.asked.append([item.text for item in said if item.role == "user"])
        if len(self.asked) == self.at:
            await self.desk.writes("c", "stop", **OUT)
        return self.answers[len(self.asked) - 1]


async def test_what_is_written_after_opting_out_is_kept_and_costs_no_model_call(desk: Any) -> None:
    await desk.turn("c", "hello", "Hi.")
    await desk.writes("c", "stop", **OUT)
    await desk.writes("c", "still there?", **OUT)

    assert await asked(desk, "never said") == []
    assert await desk.claim() is None
    export = await operator(desk, lambda context, name, _: control.export(context, name))
    assert [(line.text, line.opted_out) for line in export["lines"]] == [
        ("hello", False),
        ("Hi.", False),
        ("stop", True),
        ("still there?", True),
    ]


async def test_who_opts_in_again_is_answered_and_shown_with_all_that_was_said(desk: Any) -> None:
    await desk.writes("c", "stop", **OUT)
    await desk.writes("c", "still there?", **OUT)
    await desk.writes("c", "start")

    assert await asked(desk, "Welcome back.") == [["stop", "still there?", "start"]]
    assert await desk.texts("c") == ["Welcome back."]
    assert await asked(desk, "never said") == []


async def test_what_waited_when_somebody_opted_out_is_not_answered_either(desk: Any) -> None:
    await desk.writes("c", "hello")
    await desk.writes("c", "stop", **OUT)
    assert await asked(desk, "never said") == []
    lane = await desk.one("select pending from lane where queue = 'turns'")
    assert lane["pending"] == 0


async def test_in_one_batch_only_what_follows_the_wish_to_hear_again_is_answered(desk: Any) -> None:
    quiet = [desk.said("d", "hello"), desk.said("d", "stop", **OUT)]
    await desk.hears(desk.said("c", "stop", **OUT), *quiet, desk.said("c", "start"))

    assert await asked(desk, "Welcome back.") == [["stop", "start"]]
    assert (await desk.texts("c"), await desk.texts("d")) == (["Welcome back."], [])
    answered = await desk.one("select answered_seq from conversation where chat_id = 'd'")
    assert answered["answered_seq"] == 2


async def test_an_answer_to_somebody_who_opts_out_meanwhile_is_set_aside(desk: Any) -> None:
    model = OptingOut(desk, [Answer("too late", USED, "gpt-test")])
    await desk.writes("c", "hello")
    await desk.next_worker(model)

    assert (model.asked, await desk.texts("c")) == ([["hello"]], [])
    assert (await desk.one("select outcome from run"))["outcome"] == "superseded"
    assert await asked(desk, "never said") == []


async def test_what_a_tool_has_done_is_told_and_opens_no_turn_for_who_opted_out(desk: Any) -> None:
    done: list[Any] = []

    async def order(scope: ToolScope, arguments: dict[str, Any]) -> ToolResult:
        done.append(arguments)
        return ToolResult("ordered")

    spec = ToolSpec("order", "Order it.", closed({}), Effect.WRITE)
    desk.tools = [RemoteTool(spec, order)]
    await desk.change(tools=("order",))
    orders = Answer("", USED, "gpt-test", (ToolCall("call_1", "order", "{}"),))
    model = OptingOut(desk, [orders, Answer("Ordered!", USED, "gpt-test")], at=2)
    await desk.writes("c", "order it")
    await desk.next_worker(model)

    assert (len(model.asked), len(done), await desk.texts("c")) == (2, 1, ["Ordered!"])
    assert await asked(desk, "never said") == []


async def test_a_person_gives_back_nothing_that_waits_of_somebody_who_opted_out(desk: Any) -> None:
    await desk.turn("c", "hello", "Hi.")
    await operator(desk, control.take_over)
    await desk.writes("c", "are you open?")
    await desk.writes("c", "stop", **OUT)
    await operator(desk, control.hand_back)
    assert await asked(desk, "never said") == []

    await operator(desk, control.take_over)
    await desk.writes("c", "start")
    await operator(desk, control.hand_back)
    [heard] = await asked(desk, "Welcome back.")
    assert heard[-1] == "start"


async def test_what_the_owner_types_to_somebody_who_opted_out_is_a_persons_line_as_ever(
    desk: Any,
) -> None:
    await desk.turn("c", "hello", "Hi.")
    await desk.writes("c", "call me", from_me=True, **OUT)
    line = await desk.one("select role, opted_out from line order by seq desc limit 1")
    assert tuple(line) == ("human", False)
