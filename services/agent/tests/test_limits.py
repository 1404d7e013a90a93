"""Whether a request fits into what is left, and what to say when it does not."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_service.domain.model import (
    Ask,
    Limits,
    Live,
    Meter,
    Price,
    Scope,
    Usage,
    Verdict,
    judge,
)
from common.contracts import AgentId, ConversationId, RunId, TenantId

TODAY = date(2026, 11, 23)
MONTH = date(2026, 11, 1)
EMPTY = Meter(None, None, 0, 0, TODAY, 0, MONTH, 0, {})


def verdict(limits: Limits, meter: Meter = EMPTY, live: Live = Live(), **ask: Any) -> Verdict:  # noqa: B008 - frozen
    scope = Scope("agent", "agt_1", limits)
    asked = Ask(
        RunId("run_1"),
        TenantId("ten_1"),
        AgentId("agt_1"),
        ConversationId("cnv_1"),
        (scope,),
        **ask,
    )
    return judge(asked, scope, meter, live, TODAY)


def test_what_is_unlimited_always_fits() -> None:
    found = verdict(Limits(), tokens=10**9, micros=10**9)
    assert found.granted
    assert found.news == ()


@pytest.mark.parametrize("period", ["day", "month"])
def test_money_is_refused_when_it_might_not_be_enough(period: str) -> None:
    limits = Limits(**{f"micros_per_{period}": 100})
    used: Meter = replace(EMPTY, day_micros=60, month_micros=60)
    assert verdict(limits, used, micros=19).news == ()
    close = verdict(limits, used, micros=20)
    assert close.granted
    assert [one.level for one in close.news] == ["soft"]
    assert verdict(limits, used, micros=40).granted
    over = verdict(limits, used, micros=41)
    assert not over.granted
    assert over.refused is not None
    assert (over.refused.period, over.refused.level) == (period, "hard")
    assert not verdict(limits, used, Live(1, 21), micros=20).granted, "others hold the rest"


def test_each_limit_is_announced_once_a_period() -> None:
    limits = Limits(micros_per_day=100)
    first = verdict(limits, micros=90)
    second = verdict(limits, first.meter, micros=90)
    assert (len(first.news), len(second.news)) == (1, 0)
    tomorrow = replace(first.meter, day=date(2026, 11, 22), told={"day:soft": "2026-11-22"})
    assert len(verdict(limits, tomorrow, micros=90).news) == 1


def test_a_new_day_and_a_new_month_begin_at_nothing() -> None:
    old = replace(EMPTY, day=date(2026, 10, 31), day_micros=99, month=date(2026, 10, 1))
    found = verdict(Limits(micros_per_day=10, micros_per_month=10), old, micros=5)
    assert found.granted
    assert (found.meter.day_micros, found.meter.month_micros) == (0, 0)


def test_a_bucket_refills_within_a_minute_and_says_how_long_to_wait() -> None:
    limits = Limits(requests_per_minute=60)
    assert verdict(limits).meter.requests == 59
    empty = replace(EMPTY, requests=0.0, requests_age=0.25)
    assert verdict(limits, empty).wait == pytest.approx(0.75)
    assert verdict(limits, replace(empty, requests_age=1.0)).granted
    assert verdict(limits, replace(empty, requests_age=999)).meter.requests == 59


def test_what_is_larger_than_a_whole_minute_passes_when_the_bucket_is_full() -> None:
    limits = Limits(tokens_per_minute=100)
    found = verdict(limits, tokens=500)
    assert found.granted
    assert found.meter.tokens == -400
    assert verdict(limits, replace(EMPTY, tokens=99.0), tokens=500).wait == pytest.approx(0.6)


def test_too_many_at_once_wait_a_second() -> None:
    limits = Limits(parallel_runs=2)
    assert verdict(limits, live=Live(1)).granted
    assert verdict(limits, live=Live(2)).wait == 1.0


def test_what_is_refused_takes_nothing_out_of_any_bucket() -> None:
    limits = Limits(requests_per_minute=10, micros_per_day=5)
    found = verdict(limits, replace(EMPTY, requests=4.0), micros=9)
    assert not found.granted
    assert found.meter.requests == 4.0


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**8))
def test_a_cost_is_whole_never_too_small_and_cheaper_from_the_cache(
    read: int, cached: int, written: int, price: int
) -> None:
    used = Usage(read + cached, cached, written)
    dear, cheap = Price("m", price, price, price), Price("m", price, price // 10, price)
    exact = (read + cached + written) * price
    assert dear.cost(used).micros * 1_000_000 >= exact
    assert dear.cost(used).micros * 1_000_000 - exact < 1_000_000
    assert cheap.cost(used).micros <= dear.cost(used).micros
    assert dear.cost(used).priced
    assert not replace(dear, known=False).cost(used).priced


def test_sound_costs_by_its_length_and_tokens_beside_it() -> None:
    price = Price("whisper", 1_000_000, 0, 0, minute=6000)
    assert price.cost(Usage(seconds=60)).micros == 6000
    assert price.cost(Usage(seconds=90)).micros == 9000
    assert price.cost(Usage(seconds=0.001)).micros == 1, "rounded up"
    assert price.cost(Usage(10, 0, 0, seconds=1.5)).micros == 160
    assert Price("m", 1, 1, 1).cost(Usage(seconds=3600)).micros == 0
