"""Answers that are none: paid for all the same, so they are entered and count against limits."""

from typing import Any

import pytest

from agent_service.domain.model import Limits, Usage
from agent_service.domain.ports import Garbled, Unfinished, Wasted
from common.contracts import HandoffRequested
from common.db import Sql

pytestmark = pytest.mark.integration

COST = 15
_STEPS = Sql("""
    select s.kind, s.state, s.cost_micros, r.outcome from run_step s join run r on r.id = s.run_id
    where s.model <> '' order by s.seq""")
_METER = "select day_micros, tokens from meter where scope like 'agent:%'"


def paid(error: Wasted) -> Wasted:
    error.model, error.usage = "gpt-test", Usage(10, 0, 5)
    return error


async def steps(desk: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await desk.database.execute(_STEPS)]


@pytest.mark.parametrize("limits", [Limits(), Limits(micros_per_day=10**9)])
async def test_an_answer_a_filter_has_cut_is_entered_and_a_person_asked_for(
    desk: Any, limits: Limits
) -> None:
    await desk.change(limits=limits)
    await desk.turn("c", "hello", paid(Unfinished("the model did not finish: content_filter")))
    assert await steps(desk) == [("model", "failed", COST, "handed_off")]
    assert await desk.texts("c") == [desk.agent.settings.fallback_text]
    [request] = desk.events(HandoffRequested)
    assert request.reason.endswith("content_filter")
    assert (await desk.one("select count(*) from reservation"))[0] == 0
    if limits.micros_per_day:
        assert (await desk.one(_METER))["day_micros"] == COST


@pytest.mark.parametrize("limits", [Limits(), Limits(micros_per_day=10**9)])
async def test_an_answer_that_broke_off_is_entered_and_asked_for_again(
    desk: Any, limits: Limits
) -> None:
    await desk.change(limits=limits)
    await desk.writes("c", "hello")
    with pytest.raises(Garbled):
        await desk.work(await desk.claim(), desk.script(paid(Garbled("half an answer"))))
    assert await steps(desk) == [("model", "failed", COST, "open")]
    assert (await desk.one("select count(*) from reservation"))[0] == 0
    await desk.next_worker(model := desk.script("hi"))
    assert await desk.texts("c") == ["hi"]
    assert len(model.asked[0].items) == 2, "what came to nothing is not shown to the model"
    assert [row[1:] for row in await steps(desk)] == [
        ("failed", COST, "sent"), ("done", COST, "sent"),
    ]  # fmt: skip
    if limits.micros_per_day:
        assert (await desk.one(_METER))["day_micros"] == 2 * COST


async def test_what_came_without_a_bill_leaves_nothing_in_the_journal(desk: Any) -> None:
    await desk.writes("c", "hello")
    with pytest.raises(Garbled):
        await desk.work(await desk.claim(), desk.script(Garbled("a page of a proxy")))
    assert (await desk.one("select count(*) from run_step"))[0] == 0
