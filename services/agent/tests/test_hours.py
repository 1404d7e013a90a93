"""When a business is open, in its own time zone, across midnight, holidays and clock changes."""

from datetime import UTC, datetime

import pytest

from agent_service.domain.model import AgentSettings
from agent_service.domain.model.hours import opening, read_hours

LISBON = "Europe/Lisbon"
WEEK = ("mon-fri 09:00-18:00", "sat 10:00-13:00")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-23T08:59", False),
        ("2026-11-23T09:00", True),
        ("2026-11-23T17:59", True),
        ("2026-11-23T18:00", False),
        ("2026-11-28T12:00", True),
        ("2026-11-29T12:00", False),
        ("2026-07-01T08:30", True),  # an hour ahead of UTC in summer
        ("2026-12-25T12:00", False),
    ],
)
def test_it_is_open_by_its_own_clock(moment: str, is_open: bool) -> None:
    hours = read_hours(LISBON, WEEK, ("2026-12-25",))
    assert hours.is_open(at(moment)) is is_open


def test_the_next_change_is_an_opening_or_a_closing() -> None:
    hours = read_hours(LISBON, WEEK, ("2026-11-30",))
    assert hours.next_change(at("2026-11-23T12:00")) == at("2026-11-23T18:00")
    assert hours.next_change(at("2026-11-28T14:00")) == at("2026-12-01T09:00")


def test_a_night_shift_is_open_after_midnight_and_a_week_may_wrap() -> None:
    hours = read_hours("UTC", ("fri-sat 20:00-02:00",), ())
    assert hours.is_open(at("2026-11-28T01:30"))
    assert hours.is_open(at("2026-11-29T01:30"))
    assert not hours.is_open(at("2026-11-30T01:30"))
    wrapped = read_hours("UTC", ("sat-mon 10:00-12:00",), ())
    assert [wrapped.is_open(at(f"2026-11-{day}T11:00")) for day in (27, 28, 29, 30)] == [
        False, True, True, True,
    ]  # fmt: skip


def test_a_day_may_close_at_24_00() -> None:
    hours = read_hours("UTC", ("mon 18:00-24:00",), ())
    assert hours.is_open(at("2026-11-23T23:59"))
    assert not hours.is_open(at("2026-11-24T00:00"))


def test_what_is_closed_is_put_off_to_the_opening() -> None:
    settings = AgentSettings(time_zone=LISBON, business_hours=WEEK)
    assert opening(settings, at("2026-11-23T12:00")) == at("2026-11-23T12:00")
    assert opening(settings, at("2026-11-28T14:00")) == at("2026-11-30T09:00")
    assert opening(AgentSettings(), at("2026-11-29T03:00")) == at("2026-11-29T03:00")


def test_without_rules_it_is_always_open() -> None:
    hours = read_hours("UTC", (), ())
    assert hours.is_open(at("2026-11-29T03:00"))
    assert hours.next_change(at("2026-11-29T03:00")) is None


@pytest.mark.parametrize(
    ("zone", "rule"),
    [
        ("Mars/Olympus", "mon 09:00-18:00"),
        ("UTC", "monday 9-18"),
        ("UTC", "xyz 09:00-18:00"),
        ("UTC", "mon 09:00-25:00"),
        ("UTC", "mon 24:00-09:00"),
        ("UTC", "mon 09:00-24:30"),
        ("UTC", ""),
    ],
)
def test_what_cannot_be_read_is_refused(zone: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rf"{zone}|{rule}"):
        read_hours(zone, (rule,), ())
