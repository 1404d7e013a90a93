"""What a model is shown of the past: this session, its summary, and nothing twice."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from agent_service.app.contexts import Wake, context_opener
from agent_service.domain.model import Answer, Ending, Fact, Limits, Request, Said, Usage
from agent_service.domain.usecases.summarise import Span, Summarising
from agent_service.jobs import JobLease
from agent_service.repository import CHORES
from common.contracts import ChatId, ConversationId, utc_now
from common.errors import NeedsOperator, Unavailable
from common.lanes import claim

pytestmark = pytest.mark.integration

_AGE = """
    update line set written_at = written_at - interval '2 days' returning seq"""
_SUMMARY = "select summary, summary_upto, next_seq from conversation where chat_id = :chat"
_METER = "select day_micros from meter where scope like 'agent:%'"
_STEPS = "select count(*) from run_step where kind = 'summary'"


class Remembers:
    """Answers, and summarises when that is what it is asked for."""

    def __init__(self, *, fails: Exception | None = None) -> None:
        self.fails = fails
        self.ending = Ending.COMPLETE
        self.meanwhile: Callable[[], Awaitable[None]] | None = None
        """Happens while it thinks about an answer."""
        self.asked: list[Request] = []
        self.summaries: list[Request] = []

    async def answer(self, request: Request) -> Answer:
        if request.instructions.startswith("Summarise"):
            self.summaries.append(request)
            if self.fails is not None:
                raise self.fails
            told = f"summary {len(self.summaries)}"
            return Answer(told, Usage(40, 0, 8), "gpt-test", ending=self.ending)
        self.asked.append(request)
        if self.meanwhile is not None:
            await self.meanwhile()
        return Answer(f"answer {len(self.asked)}", Usage(10, 0, 5), "gpt-test")

    def told(self, n: int) -> str:
        """What a summary was to be made of."""
        item = self.summaries[n].items[0]
        assert isinstance(item, Said)
        return item.text

    @property
    def shown(self) -> list[str]:
        items = [item for item in self.asked[-1].items if isinstance(item, Said)]
        return [item.text for item in items if item.role != "system"]


async def ask(desk: Any, model: Remembers, text: str) -> list[str]:
    await desk.writes("c", text)
    await desk.next_worker(model)
    return model.shown


async def after_a_long_talk(desk: Any, *, fails: Exception | None = None) -> Remembers:
    """Let a customer say so much that a summary is due."""
    await desk.change(history_tokens=60)
    model = Remembers(fails=fails)
    for n in range(5):
        await ask(desk, model, f"a fairly long message, number {n}")
    return model


async def test_what_was_said_is_shown_in_order_and_a_server_can_keep_the_beginning(
    desk: Any,
) -> None:
    model = Remembers()
    await ask(desk, model, "one")
    assert await ask(desk, model, "two") == ["one", "answer 1", "two"]
    assert await ask(desk, model, "three") == ["one", "answer 1", "two", "answer 2", "three"]
    first, second = (request.instructions for request in model.asked[1:])
    assert first == second, "the static prefix is the same, byte by byte"


@pytest.mark.parametrize("limits", [Limits(), Limits(micros_per_day=10**9)])
async def test_what_is_known_of_a_contact_is_shown_to_every_agent_and_notes_to_none(
    desk: Any, limits: Limits
) -> None:
    await desk.change(limits=limits)
    async with opener(desk)() as context:
        for kind, name, value in (
            ("fact", "size", "42"),
            ("fact", "name", "Ana"),
            ("note", "x", "rude"),
        ):
            await context.facts.keep(desk.agent.tenant, ChatId("c"), Fact(kind, name, value))
        await context.facts.keep(desk.agent.tenant, ChatId("d"), Fact("fact", "name", "Bea"))
    shown = await ask(desk, Remembers(), "hello")
    known = "name: Ana\nsize: 42"
    assert shown == [
        f'<data from="what is known about the customer">\n{known}\n</data>',
        "hello",
    ]


async def test_of_much_that_is_known_of_a_contact_the_newest_is_shown(desk: Any) -> None:
    for names in ([f"{n:03}" for n in range(120)], ["000", "zip"]):
        async with opener(desk)() as context:
            for name in names:
                fact = Fact("fact", name, "x")
                await context.facts.keep(desk.agent.tenant, ChatId("c"), fact)
    known, _ = await ask(desk, Remembers(), "hello")
    said = known.splitlines()[1:-1]
    assert said == [f"{n:03}: x" for n in range(99)] + ["zip: x"]


async def test_after_a_long_silence_only_a_summary_of_the_last_session_is_shown(desk: Any) -> None:
    model = Remembers()
    await ask(desk, model, "one")
    await desk.one(_AGE)
    shown = await ask(desk, model, "two")
    assert shown == [
        '<data from="summary of what was said before">\nsummary 1\n</data>',
        "two",
    ]
    assert "customer: one\nagent: answer 1" in model.told(0)
    assert (await desk.one(_STEPS))[0] == 1, "it is in the ledger"
    await desk.one(_AGE)
    await ask(desk, model, "three")
    assert "summary 1" in model.told(1), "a summary tells of the one before"


async def test_without_a_summary_a_returning_customer_is_answered_all_the_same(desk: Any) -> None:
    model = Remembers(fails=NeedsOperator("no quota"))
    await ask(desk, model, "one")
    await desk.one(_AGE)
    assert await ask(desk, model, "two") == ["two"]
    assert (await desk.texts("c"))[-1] == "answer 2"


async def test_a_long_session_is_summarised_after_the_answer_and_told_shortly_from_then_on(
    desk: Any,
) -> None:
    model = await after_a_long_talk(desk)
    assert model.summaries == [], "no customer waits for it"
    job = await chore(desk)
    await do(desk, job, model)
    row = await desk.one(_SUMMARY, chat="c")
    assert row["summary"] == "summary 1"
    assert 0 < row["summary_upto"] < row["next_seq"] - 1
    shown = await ask(desk, model, "and now?")
    assert "summary 1" in shown[0]
    assert "number 0" not in "".join(shown)
    assert shown[-1] == "and now?"

    await desk.lease_runs_out()
    again = Summarising(opener(desk), desk.outside(model), utc_now)
    await again.chore(conversation(job), span_of(job), nothing)
    assert len(model.summaries) == 1, "what is told already is not paid again"


async def test_a_turn_that_began_before_a_summary_was_made_does_not_have_it_made_again(
    desk: Any,
) -> None:
    model = await after_a_long_talk(desk)

    async def summarise() -> None:
        await do(desk, await chore(desk), model)

    model.meanwhile = summarise
    await ask(desk, model, "a fairly long message, number 5")
    await do(desk, await chore(desk), model)
    assert len(model.summaries) == 1


async def test_a_summary_that_fails_for_now_is_tried_again_later(desk: Any) -> None:
    model = await after_a_long_talk(desk, fails=Unavailable("away"))
    job = await chore(desk)
    with pytest.raises(Unavailable):
        await do(desk, job, model)
    model.fails = None
    await do(desk, job, model)
    assert (await desk.one(_SUMMARY, chat="c"))["summary"] == "summary 2"


@pytest.mark.parametrize("ending", [Ending.CUT, Ending.REFUSED])
async def test_half_a_summary_or_none_leaves_the_memory_there_is_and_is_made_later(
    desk: Any, ending: Ending
) -> None:
    model = await after_a_long_talk(desk)
    await do(desk, await chore(desk), model)
    for n in range(5, 11):
        await ask(desk, model, f"a fairly long message, number {n}")
    model.ending = ending
    job = await chore(desk)
    with pytest.raises(Unavailable) as later:
        await do(desk, job, model)
    assert later.value.retry_after == timedelta(minutes=10), "no turn asks for it until then"
    assert (await desk.one(_SUMMARY, chat="c"))["summary"] == "summary 1"
    assert (await desk.one(_STEPS))[0] == 2, "both were paid for"
    model.ending = Ending.COMPLETE
    await do(desk, job, model)
    assert (await desk.one(_SUMMARY, chat="c"))["summary"] == "summary 3"


async def test_a_model_that_tells_half_summaries_only_is_asked_thrice(desk: Any) -> None:
    model = await after_a_long_talk(desk)
    model.ending = Ending.CUT
    job = await chore(desk)
    for attempts in range(2):
        with pytest.raises(Unavailable):
            await do(desk, replace(job, attempts=attempts), model)
    await do(desk, replace(job, attempts=2), model)
    assert await claim(desk.database, CHORES, 1) == []
    assert len(model.summaries) == 3


async def test_a_summary_nobody_can_make_holds_up_no_later_one(desk: Any) -> None:
    model = await after_a_long_talk(desk, fails=NeedsOperator("no such model"))
    await do(desk, await chore(desk), model)
    model.fails = None
    await ask(desk, model, "and now?")
    await do(desk, await chore(desk), model)
    assert (await desk.one(_SUMMARY, chat="c"))["summary"] == "summary 2"


async def test_at_a_hard_limit_a_summary_is_left_out_and_within_it_counted(desk: Any) -> None:
    model = await after_a_long_talk(desk)
    await desk.change(limits=Limits(micros_per_day=3))
    await do(desk, await chore(desk), model)
    assert model.summaries == []
    await desk.change(limits=Limits(micros_per_day=10**9))
    before = int((await desk.one(_METER))["day_micros"])
    await ask(desk, model, "and now?")
    await do(desk, await chore(desk), model)
    assert int((await desk.one(_METER))["day_micros"]) - before >= 15 + 48
    assert (await desk.one("select count(*) from reservation"))[0] == 0


def opener(desk: Any) -> Any:
    return context_opener(desk.database, Wake(lambda: None))


def conversation(job: Any) -> ConversationId:
    return ConversationId(job.key.split(":")[1])


def span_of(job: Any) -> Span:
    what = orjson.loads(job.payload)
    return Span(int(what["after"]), int(what["upto"]))


async def chore(desk: Any) -> Any:
    [job] = await claim(desk.database, CHORES, 1)
    return job


async def do(desk: Any, job: Any, model: Remembers) -> None:
    use = Summarising(opener(desk), desk.outside(model), utc_now)
    await use.chore(conversation(job), span_of(job), JobLease(CHORES, job).finish, job.attempts)


async def nothing(_: Any) -> None:
    """There is no lane to finish."""
