"""When a business is open, in its own time zone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_RULE = re.compile(
    r"(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))? (?P<opens>\d\d:\d\d)-(?P<closes>\d\d:\d\d)"
)
_LOOK_AHEAD = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Hours:
    """The weekly hours and the holidays; without rules, always open."""

    zone: ZoneInfo
    rules: tuple[tuple[int, time, time], ...] = ()
    """Weekday (Monday is 0), opening, closing; 00:00 closes at midnight."""
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


def _read(rule: str) -> Iterator[tuple[int, time, time]]:
    match = _RULE.fullmatch(rule.strip().lower())
    days = {match["first"], match["last"] or match["first"]} if match else {""}
    if match is None or not days <= set(_DAYS):
        raise ValueError(f"{rule!r} is not like 'mon-fri 09:00-18:00'")
    first = _DAYS.index(match["first"])
    last = _DAYS.index(match["last"] or match["first"])
    opens, closes = time.fromisoformat(match["opens"]), time.fromisoformat(match["closes"])
    for day in range(first, last + 1 if last >= first else last + 8):
        yield day % 7, opens, closes
