"""When a business is open, in its own time zone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from agent_service.domain.model.agents import AgentSettings

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_RULE = re.compile(
    r"(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))? "
    r"(?P<opens>(?:[01]\d|2[0-3]):[0-5]\d)-(?P<closes>(?:[01]\d|2[0-3]):[0-5]\d|24:00)"
)
_LOOK_AHEAD = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Hours:
    """The weekly hours and the holidays; without rules, always open."""

    zone: ZoneInfo
    rules: tuple[tuple[int, time, time], ...] = ()
    """Weekday (Monday is 0), opening, closing; 00:00 closes at midnight, as 24:00 does."""
    holidays: frozenset[date] = frozenset()

    def is_open(self, at: datetime) -> bool:
        """Tell whether the business is open at a moment."""
        if not self.rules:
            return True
        return any(opens <= at < closes for opens, closes in self._spans(at))

    def next_change(self, at: datetime) -> datetime | None:
        """Tell when it opens or closes next, within two weeks; None when it does not."""
        moments = (moment for span in self._spans(at) for moment in span if moment > at)
        return min(moments, default=None) if self.rules else None

    def _spans(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        first = at.astimezone(self.zone).date() - timedelta(days=1)
        for ahead in range(_LOOK_AHEAD.days + 2):
            day = first + timedelta(days=ahead)
            for weekday, opens, closes in self.rules:
                if day.weekday() == weekday and day not in self.holidays:
                    begins = datetime.combine(day, opens, self.zone)
                    over = day + timedelta(days=1) if closes <= opens else day
                    yield begins, datetime.combine(over, closes, self.zone)


def read_hours(zone: str, rules: tuple[str, ...], holidays: tuple[str, ...]) -> Hours:
    """Read hours as settings spell them.

    Raises:
        ValueError: naming the rule, the zone or the date that cannot be read.
    """
    try:
        found = ZoneInfo(zone)
    except (KeyError, OSError, ValueError):
        raise ValueError(f"there is no time zone {zone!r}") from None
    read = tuple(one for rule in rules for one in _read(rule))
    return Hours(found, read, frozenset(date.fromisoformat(day) for day in holidays))


def hours_of(settings: AgentSettings) -> Hours:
    """Read an agent's hours, which were checked when they were set."""
    return read_hours(settings.time_zone, settings.business_hours, settings.holidays)


def opening(settings: AgentSettings, at: datetime) -> datetime:
    """Tell when the business is open at this moment or after it; that is at once, without hours.

    One that does not open within two weeks is not waited for.
    """
    hours = hours_of(settings)
    return at if hours.is_open(at) else hours.next_change(at) or at


def _read(rule: str) -> Iterator[tuple[int, time, time]]:
    match = _RULE.fullmatch(rule.strip().lower())
    days = {match["first"], match["last"] or match["first"]} if match else {""}
    if match is None or not days <= set(_DAYS):
        raise ValueError(f"{rule!r} is not like 'mon-fri 09:00-18:00'")
    first = _DAYS.index(match["first"])
    last = _DAYS.index(match["last"] or match["first"])
    opens = time.fromisoformat(match["opens"])
    closes = time.fromisoformat("00:00" if match["closes"] == "24:00" else match["closes"])
    for day in range(first, last + 1 if last >= first else last + 8):
        yield day % 7, opens, closes
