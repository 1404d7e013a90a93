"""A turn that is cut off or taken over at each of its steps, on real tables and a real topic."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from observed import AtStep, nothing_happens

from agent_service.domain.model import Answer, Request, Said, Usage
from common.contracts import HandoffRequested, Topic
from common.lanes import LeaseLost

pytestmark = pytest.mark.integration


class Killed(BaseException):
    """The process is gone: no handler of ours sees this."""


@dataclass
class CountingModel:
    """A model that says two paragraphs, and counts what it would have billed."""

    at: AtStep
    billed: list[Request] = field(default_factory=list)

    async def answer(self, request: Request) -> Answer:
        await self.at("outside: ask")
        self.billed.append(request)
        await self.at("outside: asked")
        return Answer("First.\n\nSecond.", Usage(10, 0, 5), "gpt-test")


def twice_at_most(steps: list[str]) -> int:
    """How often a turn may be billed that ended after these steps: twice only if unwritten."""
    asked = "outside: asked" in steps
    written = asked and "outside: committed" in steps[steps.index("outside: asked") :]
    return 2 if asked and not written else 1


async def test_killed_at_any_step_a_turn_is_answered_once_and_billed_once_where_written(
    desk: Any,
) -> None:
    for kill_at in range(1, 100):
        chat, steps = f"cht_{kill_at}", list[str]()

        async def step(name: str, seen: list[str] = steps, last: int = kill_at) -> None:
            seen.append(name)
            if len(seen) == last:
                raise Killed(name)

        model = CountingModel(step)
        await desk.writes(chat, "hello")
        job = await desk.claim()
        assert job is not None
        try:
            await desk.work(job, model, step)
        except Killed:
            await desk.next_worker(replace(model, at=nothing_happens))
        sent = await desk.sent(chat)
        assert [e.content.text for e in sent] == ["First.", "Second."], steps
        assert len(model.billed) == twice_at_most(steps), steps
        if len(steps) < kill_at:
            break
    else:
        raise AssertionError("the turn never came to its end")
    assert kill_at > 10, f"only {steps} were enumerated"


async def test_taken_over_at_any_step_a_turn_is_answered_once(desk: Any) -> None:
    """The first worker stalls, loses its lease to a second, and then goes on."""
    stalls = lost = 0
    for stall_at in range(1, 100):
        chat, steps = f"cht_{stall_at}", list[str]()
        second = CountingModel(nothing_happens)

        async def step(
            name: str,
            seen: list[str] = steps,
            last: int = stall_at,
            other: CountingModel = second,
        ) -> None:
            if name.startswith("inside"):
                return  # it holds the conversation's lock: the second would wait for its end
            seen.append(name)
            if len(seen) == last:
                await desk.next_worker(other)

        first = CountingModel(step)
        await desk.writes(chat, "hello")
        job = await desk.claim()
        assert job is not None
        try:
            await desk.work(job, first, step)
        except LeaseLost:
            lost += 1
        sent = await desk.sent(chat)
        assert [e.content.text for e in sent] == ["First.", "Second."], steps
        assert len(first.billed) + len(second.billed) <= 2
        if len(steps) < stall_at:
            break
        stalls += 1
    assert stalls >= 6
    assert lost >= 3


@dataclass
class Interrupting:
    """A customer who writes again while the model thinks, so many times."""

    desk: Any
    chat: str
    times: int
    asked: list[list[tuple[str, str]]] = field(default_factory=list)

    async def answer(self, request: Request) -> Answer:
        said = [item for item in request.items if isinstance(item, Said)]
        self.asked.append([(item.role, item.text) for item in said if item.role != "system"])
        if len(self.asked) <= self.times:
            await self.desk.writes(self.chat, f"and {len(self.asked)}")
        return Answer(f"answer {len(self.asked)}", Usage(), "gpt-test")


async def test_who_never_stops_is_answered_after_three_tries_and_the_rest_opens_the_next_turn(
    desk: Any,
) -> None:
    model = Interrupting(desk, "cht_1", times=3)
    await desk.writes("cht_1", "hello")
    await desk.next_worker(model)
    assert [e.content.text for e in await desk.sent("cht_1")] == ["answer 3", "answer 4"]
    user, agent = "user", "assistant"
    assert model.asked[2] == [(user, "hello"), (user, "and 1"), (user, "and 2")]
    # What came while the third answer was made is read after it: it is what must be answered.
    assert model.asked[3] == [*model.asked[2], (agent, "answer 3"), (user, "and 3")]


@dataclass
class Broken:
    """A model adapter with a bug."""

    tried: int = 0

    async def answer(self, request: Request) -> Answer:
        self.tried += 1
        raise KeyError("secret detail")


async def test_a_bug_of_ours_ends_in_a_hand_off_that_names_no_detail(desk: Any) -> None:
    model = Broken()
    await desk.writes("cht_1", "hello")
    for attempts in range(3):
        await desk.lease_runs_out()
        job = await desk.claim()
        assert job is not None
        assert job.attempts == attempts, "a lease that ran out counts as a failure"
        if attempts < 2:
            with pytest.raises(KeyError):
                await desk.work(job, model)
    await desk.work(job, model)
    assert model.tried == 3
    [sent] = await desk.sent("cht_1")
    assert sent.content.text == desk.agent.settings.fallback_text
    [asked] = desk.events(HandoffRequested)
    assert asked.reason == "the model cannot answer: an error of ours"
    records = desk.bus.records(Topic.AGENT_CONVERSATIONS)
    assert all(b"secret" not in (record.value or b"") for record in records)


async def test_two_workers_never_have_the_same_turn(desk: Any) -> None:
    model = CountingModel(nothing_happens)
    await asyncio.gather(*(desk.writes(f"cht_{n}", "hello") for n in range(20)))

    async def worker() -> None:
        while (job := await desk.claim()) is not None:
            await desk.work(job, model)

    await asyncio.gather(*(worker() for _ in range(4)))
    for n in range(20):
        assert len(await desk.sent(f"cht_{n}")) == 2
    assert len(model.billed) == 20
