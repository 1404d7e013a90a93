"""Money and rates: reserved before, settled after, never overdrawn, and never silent."""

import asyncio
from typing import Any

import pytest

from agent_service.app.contexts import tenant_opener
from agent_service.domain.model import Answer, Limits, Request, Usage
from agent_service.repository import PostgresCeilings
from common.contracts import HandoffRequested, LimitReached
from common.db import Sql
from common.errors import RateLimited, Unavailable

pytestmark = pytest.mark.integration

COST = 15
"""Micro-USD: ten tokens read and five written, at one each."""
_METER = "select day_micros, month_micros from meter where scope = :scope"
_AGE = """
    update reservation set expires_at = now() - interval '1 second' returning id"""


class Quiet:
    """Counts who is thinking at once; says nothing interesting."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.now = self.most = self.calls = 0

    async def answer(self, request: Request) -> Answer:
        self.now += 1
        self.calls += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(self.seconds)  # the model's time, not a wait
        self.now -= 1
        return Answer("hi", Usage(10, 0, 5), "gpt-test")


async def reserved_for_one(desk: Any) -> int:
    """What one call reserves: all that is read and the longest answer."""
    await desk.change(limits=Limits(micros_per_day=10**9))
    await desk.writes("probe", "hello")
    job = await desk.claim()

    class Dies(BaseException):
        pass

    class Fatal:
        async def answer(self, request: Request) -> Answer:
            raise Dies

    with pytest.raises(Dies):
        await desk.work(job, Fatal())
    row = await desk.one("select micros from reservation")
    await desk.next_worker(Quiet())
    return int(row["micros"])


async def tenant_limits(desk: Any, limits: Limits) -> None:
    async with tenant_opener(desk.database, lambda: None)(desk.agent.tenant) as context:
        await context.budgets.set_for_tenant(desk.agent.tenant, limits)


async def test_fifty_parallel_turns_never_overdraw_a_budget(desk: Any) -> None:
    one = await reserved_for_one(desk)
    limit = COST + 10 * one
    await desk.change(limits=Limits(micros_per_day=limit))
    chats = [f"cht_{n}" for n in range(50)]
    for chat in chats:
        await desk.writes(chat, "hello")
    jobs = [job for _ in chats if (job := await desk.claim()) is not None]
    model = Quiet(0.3)
    highest = 0

    async def watch() -> None:
        nonlocal highest
        while True:
            row = await desk.one(
                "select coalesce(sum(micros), 0) as held, "
                "(select day_micros from meter where scope like 'agent:%') as used from reservation"
            )
            highest = max(highest, int(row["held"] + row["used"]))
            await asyncio.sleep(0.005)  # how often it looks

    watching = asyncio.ensure_future(watch())
    await asyncio.gather(*(desk.work(job, model) for job in jobs))
    watching.cancel()

    assert len(jobs) == 50
    assert one <= highest <= limit
    assert 1 <= model.calls < 50
    row = await desk.one(_METER, scope=f"agent:{desk.agent.id}")
    assert row["day_micros"] == row["month_micros"] == COST * (model.calls + 1) <= limit
    texts = [text for chat in chats for text in await desk.texts(chat)]
    fallback = desk.agent.settings.fallback_text
    assert sorted(texts) == sorted(["hi"] * model.calls + [fallback] * (50 - model.calls))
    assert (await desk.one("select count(*) from reservation"))[0] == 0


@pytest.mark.parametrize("whose", ["tenant", "agent", "contact"])
@pytest.mark.parametrize("period", ["day", "month"])
async def test_a_limit_is_announced_once_before_and_once_when_it_is_reached(
    desk: Any, whose: str, period: str
) -> None:
    one = await reserved_for_one(desk)
    limits = Limits(**{f"micros_per_{period}": one + 6 * COST})
    if whose == "tenant":
        await desk.change(limits=Limits())
        await tenant_limits(desk, limits)
    else:
        scope = "contact_limits" if whose == "contact" else "limits"
        await desk.change(**{"limits": Limits(), scope: limits})
    for _ in range(9):
        await desk.turn("c", "hello", "hi")
    assert (await desk.texts("c"))[-1] == desk.agent.settings.fallback_text
    for _ in range(9):
        await desk.turn("d", "hello", "hi")
    first = desk.events(LimitReached)[0].conversation_id
    told = desk.events(LimitReached)
    if whose == "contact":
        told = [event for event in told if event.conversation_id == first]
    soft, hard, *rest = told
    assert rest == []
    assert (soft.level, hard.level, soft.period, hard.period) == ("soft", "hard", period, period)
    assert soft.limit_micros == hard.limit_micros == one + 6 * COST
    reasons = [event.reason for event in desk.events(HandoffRequested)]
    assert set(reasons) == {f"the budget of the {whose} for the {period} is spent"}
    ours, theirs = [(await desk.texts(chat)).count("hi") for chat in ("c", "d")]
    assert theirs == ours if whose == "contact" else theirs < ours


async def test_what_a_dead_worker_reserved_is_free_again_after_a_while(desk: Any) -> None:
    await desk.change(limits=Limits(parallel_runs=1))
    await desk.writes("dead", "hello")
    job = await desk.claim()

    class Dies(BaseException):
        pass

    class Fatal:
        async def answer(self, request: Request) -> Answer:
            raise Dies

    with pytest.raises(Dies):
        await desk.work(job, Fatal())
    await desk.writes("c", "hello")
    waiting = await desk.claim()
    with pytest.raises(RateLimited):
        await desk.work(waiting, Quiet())
    assert (await desk.one(_AGE))[0]
    await desk.work(waiting, Quiet())
    assert await desk.texts("c") == ["hi"]


async def test_a_turn_that_waits_holds_nothing_that_others_need(desk: Any) -> None:
    await desk.change(limits=Limits(parallel_runs=1))
    await desk.writes("busy", "hello")
    job = await desk.claim()
    with pytest.raises(Unavailable):
        await desk.work(job, desk.script(Unavailable("away")))
    assert (await desk.one("select count(*) from reservation"))[0] == 0
    await desk.writes("c", "hello")
    await desk.work(await desk.claim(), Quiet())
    assert await desk.texts("c") == ["hi"]


async def test_no_more_runs_at_once_than_are_allowed(desk: Any) -> None:
    await desk.change(limits=Limits(parallel_runs=2))
    for n in range(6):
        await desk.writes(f"cht_{n}", "hello")
    jobs = [await desk.claim() for _ in range(6)]
    model = Quiet(0.2)
    ends = await asyncio.gather(*(desk.work(job, model) for job in jobs), return_exceptions=True)
    assert model.most == 2
    assert [type(end) for end in ends if end is not None] == [RateLimited] * 4


async def test_tokens_per_minute_make_a_turn_wait_as_long_as_it_must(desk: Any) -> None:
    await desk.change(limits=Limits(tokens_per_minute=2000), max_output_tokens=1200)
    await desk.turn("a", "hello", "hi")
    left = (await desk.one("select tokens from meter where scope like 'agent:%'"))["tokens"]
    assert left == pytest.approx(2000 - 15, abs=1), "what was not used is given back"
    await desk.writes("b", "hello")
    first = await desk.claim()

    class Second:
        async def answer(self, request: Request) -> Answer:
            await desk.writes("c", "hello")
            with pytest.raises(RateLimited) as waits:
                await desk.work(await desk.claim(), Quiet())
            assert waits.value.retry_after is not None
            assert 0 < waits.value.retry_after.total_seconds() < 60
            return await Quiet().answer(request)

    await desk.work(first, Second())
    assert await desk.texts("b") == ["hi"]


async def test_without_a_budget_nothing_is_reserved_and_only_requests_are_counted(
    desk: Any,
) -> None:
    await desk.turn("c", "hello", "hi")
    assert (await desk.one("select count(*) from reservation"))[0] == 0
    rows = await desk.database.execute(Sql("select scope, day_micros from meter"))
    assert [tuple(row) for row in rows] == [(f"tenant:{desk.agent.tenant}", 0)]


@pytest.mark.parametrize("whose", ["tenant", "agent", "contact"])
@pytest.mark.parametrize("period", ["day", "month"])
async def test_a_limit_set_in_the_middle_of_a_period_counts_what_was_used_before_it(
    desk: Any, whose: str, period: str
) -> None:
    one = await reserved_for_one(desk)
    await desk.change(limits=Limits(), history_tokens=0)
    before = 4 if whose == "contact" else 5  # the probe was another contact

    async def limit(micros: int | None) -> None:
        limits = Limits(**{f"micros_per_{period}": micros})
        if whose == "tenant":
            await tenant_limits(desk, limits)
        else:
            await desk.change(**{"contact_limits" if whose == "contact" else "limits": limits})

    for _ in range(4):
        await desk.turn("c", "hello", "hi")
    await limit(one + before * COST)
    await desk.turn("c", "hello", "hi")
    await limit(None)
    await desk.turn("c", "hello", "hi")
    await limit(one + (before + 1) * COST)
    await desk.turn("c", "hello", "hi")
    assert await desk.texts("c") == ["hi"] * 6 + [desk.agent.settings.fallback_text]
    [request] = await desk.told(HandoffRequested)
    assert request.reason == f"the budget of the {whose} for the {period} is spent"


async def test_what_was_used_in_an_earlier_period_is_not_counted(desk: Any) -> None:
    one = await reserved_for_one(desk)
    await desk.change(limits=Limits(), history_tokens=0)
    for _ in range(4):
        await desk.turn("c", "hello", "hi")
    await desk.one("update run_step set created_at = created_at - interval '32 days' returning 1")
    await desk.change(limits=Limits(micros_per_day=one, micros_per_month=one))
    await desk.turn("c", "hello", "hi")
    assert await desk.texts("c") == ["hi"] * 5


async def test_it_is_counted_once_and_not_with_every_turn(desk: Any) -> None:
    await desk.change(limits=Limits(micros_per_day=10**9))
    counts = []
    for _ in range(3):
        await desk.writes("c", "hello")
        steps: list[str] = []

        async def step(name: str, seen: list[str] = steps) -> None:
            seen.append(name)

        await desk.work(await desk.claim(), Quiet(), step)
        counts.append(steps.count("inside: statement"))
    assert counts[0] - 1 == counts[1] == counts[2]


async def test_an_operators_ceiling_holds_whatever_a_tenant_says(desk: Any) -> None:
    one = await reserved_for_one(desk)
    await desk.change(limits=Limits())
    await tenant_limits(desk, Limits(micros_per_day=10**12))
    ceilings = PostgresCeilings(desk.database)
    await ceilings.put(desk.agent.tenant, Limits(micros_per_day=one + COST, requests_per_minute=50))
    await desk.turn("c", "hello", "hi")
    await desk.turn("c", "hello", "hi")
    assert await desk.texts("c") == ["hi", desk.agent.settings.fallback_text]
    row = await desk.one("select requests from meter where scope like 'tenant:%'")
    assert row["requests"] < 50, "the agent's own setting is above it"
    await ceilings.put(desk.agent.tenant, None)
    await desk.turn("d", "hello", "hi")
    assert await desk.texts("d") == ["hi"]
