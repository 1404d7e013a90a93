"""A run with tools, killed or overtaken at every boundary there is: one answer, one effect each."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from observed import AtStep, nothing_happens

from agent_service.domain.model import (
    Answer,
    Effect,
    Output,
    Request,
    ToolCall,
    ToolResult,
    ToolSpec,
    Usage,
)
from agent_service.domain.model.schemas import closed
from agent_service.domain.ports import RemoteTool, ToolScope
from agent_service.providers.tools.facts import TOOLS as FACTS
from common.db import Sql
from common.lanes import LeaseLost

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

_NOTES = Sql("select name, value from contact_fact where contact_id = :chat order by name")
_LEDGER = Sql("""
    select s.kind, s.state, s.name, s.input_tokens from run_step s
    join run r on r.id = s.run_id and r.outcome = 'sent'
    join conversation c on c.id = r.conversation_id where c.chat_id = :chat order by s.seq""")
TOOLS = ("remember_fact", "book", "track")
BOUNDARIES = {
    "outside: ask",
    "outside: asked",
    "outside: book",
    "outside: booked",
    "outside: begin",
    "outside: committed",
    "inside: statement",
    "inside: commit",
}
"""Between any two of these, a worker dies once."""


class Killed(BaseException):
    """The process is gone: no handler of ours sees this."""


@dataclass
class Planner:
    """A model that remembers, books and tracks, and then says so; counts what it bills."""

    at: AtStep
    billed: list[int] = field(default_factory=list)

    async def answer(self, request: Request) -> Answer:
        await self.at("outside: ask")
        told = [item for item in request.items if isinstance(item, Output)]
        self.billed.append(len(told))
        await self.at("outside: asked")
        if told:
            return Answer(f"Done: {len(told)}.", Usage(20, 0, 5), "gpt-test")
        calls = (
            ToolCall("call_1", "remember_fact", '{"name": "colour", "value": "blue"}'),
            ToolCall("call_2", "book", '{"day": "2026-12-01"}'),
            ToolCall("call_3", "track", "{}"),
        )
        return Answer("", Usage(10, 0, 5), "gpt-test", calls)


@dataclass
class Calendar:
    """Somebody else's server: what was booked there stays booked."""

    at: AtStep
    booked: list[str] = field(default_factory=list)
    honours_keys: bool = False

    async def book(self, scope: ToolScope, arguments: dict[str, Any]) -> ToolResult:
        await self.at("outside: book")
        if not (self.honours_keys and scope.key in self.booked):
            self.booked.append(scope.key)
        await self.at("outside: booked")
        return ToolResult("booked")

    async def lookup(self, scope: ToolScope) -> ToolResult | None:
        return ToolResult("booked") if scope.key in self.booked else None

    async def track(self, scope: ToolScope, arguments: dict[str, Any]) -> ToolResult:
        return ToolResult("on its way")

    def tools(self, kind: str) -> list[Any]:
        day = closed({"day": {"type": "string"}})
        book = ToolSpec("book", "Book a day.", day, Effect.WRITE)
        track = ToolSpec("track", "Track a parcel.", closed({}), Effect.READ)
        lookup = self.lookup if kind == "looked up" else None
        repeatable = kind == "repeatable"
        return [
            *FACTS,
            RemoteTool(book, self.book, lookup, repeatable=repeatable),
            RemoteTool(track, self.track),
        ]


def unwritten(steps: list[str]) -> int:
    """How many answers were paid for and not yet journaled when the worker died."""
    paid = steps.count("outside: asked")
    last = len(steps) - 1 - steps[::-1].index("outside: asked") if paid else 0
    return 1 if paid and "outside: committed" not in steps[last:] else 0


@pytest.mark.parametrize("kind", ["looked up", "repeatable", "neither"])
async def test_killed_at_any_boundary_a_run_goes_on_where_it_stopped(desk: Any, kind: str) -> None:
    await desk.change(tools=TOOLS)
    names: set[str] = set()
    for kill_at in range(1, 200):
        chat, steps = f"cht_{kill_at}", list[str]()

        async def step(name: str, seen: list[str] = steps, last: int = kill_at) -> None:
            seen.append(name)
            if len(seen) == last:
                raise Killed(name)

        model = Planner(step)
        calendar = Calendar(step, honours_keys=kind == "repeatable")
        desk.tools = calendar.tools(kind)
        await desk.writes(chat, "book it")
        job = await desk.claim()
        assert job is not None
        try:
            await desk.work(job, model, step)
        except Killed:
            calendar.at = nothing_happens
            await desk.next_worker(replace(model, at=nothing_happens))
        names |= set(steps)
        await ends_well(desk, chat, (calendar, kind), steps)
        assert len(model.billed) <= 2 + unwritten(steps), steps
        if len(steps) < kill_at:
            break
    else:
        raise AssertionError("the run never came to its end")
    assert names == BOUNDARIES
    assert kill_at > 40, f"only {len(steps)} boundaries were enumerated"


async def ends_well(desk: Any, chat: str, there: tuple[Calendar, str], steps: list[str]) -> None:
    calendar, kind = there
    [sent] = await desk.sent(chat)
    assert sent.content.text == "Done: 3.", steps
    assert len(set(calendar.booked)) == len(calendar.booked), "the same key twice is one effect"
    # What can neither be asked nor repeated is left alone when nobody knows.
    assert len(calendar.booked) in ({0, 1} if kind == "neither" else {1}), steps
    facts = await desk.database.execute(_NOTES, {"chat": chat})
    assert [(row["name"], row["value"]) for row in facts] == [("colour", "blue")]
    ledger = [tuple(row) for row in await desk.database.execute(_LEDGER, {"chat": chat})]
    assert [row[0] for row in ledger] == ["model", "tool", "tool", "tool", "model", "send"]
    assert [row[3] for row in ledger if row[0] == "model"] == [10, 20], "each call is entered once"
    [booking] = [state for _, state, name, _ in ledger if name == "book"]
    assert booking in ({"done", "unknown"} if kind == "neither" else {"done"})


async def test_overtaken_at_any_boundary_a_run_has_one_answer_and_one_effect(desk: Any) -> None:
    """The first worker stalls, loses its lease to a second that goes on, and wakes up."""
    await desk.change(tools=TOOLS)
    stalls = lost = 0
    for stall_at in range(1, 200):
        chat, steps = f"cht_{stall_at}", list[str]()
        calendar = Calendar(nothing_happens, honours_keys=True)
        second = Planner(nothing_happens)

        async def step(
            name: str,
            seen: list[str] = steps,
            last: int = stall_at,
            there: tuple[Calendar, Planner] = (calendar, second),
        ) -> None:
            if name.startswith("inside"):
                return  # it holds locks: the second would wait for its end
            seen.append(name)
            if len(seen) == last:
                there[0].at = nothing_happens
                await desk.next_worker(there[1])

        first = Planner(step)
        calendar.at = step
        desk.tools = calendar.tools("repeatable")
        await desk.writes(chat, "book it")
        job = await desk.claim()
        assert job is not None
        try:
            await desk.work(job, first, step)
        except LeaseLost:
            lost += 1
        await ends_well(desk, chat, (calendar, "repeatable"), steps)
        assert len(first.billed) + len(second.billed) <= 3, steps
        if len(steps) < stall_at:
            break
        stalls += 1
    assert stalls >= 18
    assert lost >= 14
