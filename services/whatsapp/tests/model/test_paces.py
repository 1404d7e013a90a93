"""The rules by which numbers are paced: age, risk, quiet hours."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from common.contracts import IntegrationId, TenantId
from whatsapp_service.domain.model import QuietHours, SendingSettings
from whatsapp_service.domain.model.pacing import NumberFacts, Signs, decayed, plan

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def facts(**changes: Any) -> NumberFacts:
    given: dict[str, Any] = {
        "settings": SendingSettings(),
        "is_open": True,
        "first_open_at": NOW - timedelta(days=30),
        "risk": 0.0,
        "updated_at": NOW,
        "signs": Signs(),
    }
    return NumberFacts(IntegrationId("int"), TenantId("ten"), **{**given, **changes})


def test_a_number_of_age_without_signs_answers_at_no_pace_at_all() -> None:
    made = plan(facts(), NOW)
    assert (made.risk, made.replies) == (0.0, None)
    assert (made.broadcasts.gap, made.broadcasts.budget) == (timedelta(seconds=3), None)


@pytest.mark.parametrize(
    ("days", "budget"), [(0, 20), (1, 40), (6, 1000), (7, None)], ids=["0", "1", "6", "7"]
)
def test_the_warm_up_grows_by_the_day(days: int, budget: int | None) -> None:
    opened = NOW - timedelta(days=days, hours=1)
    assert plan(facts(first_open_at=opened), NOW).broadcasts.budget == budget


def test_a_few_phones_that_are_off_are_no_risk_and_a_risk_is_forgotten() -> None:
    assert Signs(sent=20, pending=4).risk == 0
    assert Signs(sent=3, pending=3).risk == 0
    assert Signs(sent=20, pending=14).risk == pytest.approx(0.5)
    assert Signs(sent=20, refused=1).risk == pytest.approx(0.1)
    before = facts(risk=0.8, updated_at=NOW - timedelta(hours=6))
    assert plan(before, NOW).risk == pytest.approx(0.4)
    assert decayed(0.8, timedelta(days=2)) == 0


@pytest.mark.parametrize(
    ("hour", "ends"),
    [(1, "07:30"), (10, None), (23, "07:30 tomorrow")],
    ids=["after midnight", "day", "before midnight"],
)
def test_quiet_hours_pass_midnight_in_their_own_zone(hour: int, ends: str | None) -> None:
    quiet = QuietHours(time(21), time(7, 30), "America/Sao_Paulo")
    now = datetime(2026, 11, 24, hour, tzinfo=UTC) + timedelta(hours=3)
    until = quiet.until(now)
    if ends is None:
        assert until is None
    else:
        assert until is not None
        day = 25 if "tomorrow" in ends else 24
        assert until == datetime(2026, 11, day, 10, 30, tzinfo=UTC)
