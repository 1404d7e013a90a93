"""How much may be spent: what is asked for, what is left, and what to say about it."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from agent_service.domain.model.agents import Limits
from common.contracts import AgentId, ConversationId, RunId, TenantId

SOFT = 0.8
"""From this share of a limit on, it is announced that it will be reached."""

_NONE = Limits()
ScopeKind = Literal["tenant", "agent", "contact"]
Period = Literal["day", "month"]


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a whole tenant may use: as it says itself, and as the operator allows at most."""

    own: Limits = _NONE
    ceiling: Limits | None = None
    since: datetime | None = None
    """When either was changed last."""

    def limits(self, requests_per_minute: int | None = None) -> Limits:
        """Give what holds; with the requests a minute that hold where none were said."""
        own = self.own
        if own.requests_per_minute is None:
            own = replace(own, requests_per_minute=requests_per_minute)
        return own if self.ceiling is None else own.within(self.ceiling)


NO_LIMITS = Allowance()


@dataclass(frozen=True, slots=True)
class Scope:
    """Who is limited, and how."""

    kind: ScopeKind
    id: str
    limits: Limits
    since: datetime | None = None
    """When its limits were changed last: what was used before that is to be counted."""

    @property
    def name(self) -> str:
        """How its meter is called."""
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True)
class Ask:
    """What one model call may use at most, on whose account."""

    run: RunId
    tenant: TenantId
    agent: AgentId
    contact: ConversationId
    scopes: tuple[Scope, ...]
    tokens: int = 0
    micros: int = 0

    @property
    def is_free(self) -> bool:
        """Whether nothing is limited but the tenant's requests per minute."""
        rest = (scope for scope in self.scopes if scope.kind != "tenant")
        return all(scope.limits.is_free for scope in self.scopes) and all(
            scope.limits.requests_per_minute is None for scope in rest
        )

    @property
    def requests_per_minute(self) -> int | None:
        """The tenant's."""
        return self.scopes[0].limits.requests_per_minute


@dataclass(frozen=True, slots=True)
class Meter:
    """What a scope has used; buckets hold what is left, and refill within a minute."""

    requests: float | None
    """None for a full bucket."""
    tokens: float | None
    requests_age: float
    """Seconds since it was last filled."""
    tokens_age: float
    day: date
    day_micros: int
    month: date
    month_micros: int
    told: dict[str, str]
    """What was announced, and for which day or month."""


@dataclass(frozen=True, slots=True)
class Live:
    """What others have reserved in a scope and not settled yet."""

    runs: int = 0
    micros: int = 0


@dataclass(frozen=True, slots=True)
class Reached:
    """A limit that is close (soft) or in the way (hard)."""

    scope: Scope
    period: Period
    level: Literal["soft", "hard"]
    used_micros: int
    limit_micros: int
    since: date


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a meter says to a request."""

    meter: Meter
    """As it is to be written; as it was, when the request has to wait or is refused."""
    wait: float = 0.0
    """Seconds."""
    refused: Reached | None = None
    news: tuple[Reached, ...] = ()
    """What is to be announced now, once per period."""

    @property
    def granted(self) -> bool:
        """Whether this scope lets the request through."""
        return self.refused is None and self.wait <= 0


def judge(ask: Ask, scope: Scope, meter: Meter, live: Live, today: date) -> Verdict:
    """Decide whether a request fits into one scope."""
    limits, rolled = scope.limits, _rolled(meter, today)
    requests, slow = _poured(rolled.requests, rolled.requests_age, limits.requests_per_minute, 1)
    tokens, slower = _poured(rolled.tokens, rolled.tokens_age, limits.tokens_per_minute, ask.tokens)
    busy = limits.parallel_runs is not None and live.runs >= limits.parallel_runs
    found = [
        reached
        for period, used, limit, since in (
            ("day", rolled.day_micros, limits.micros_per_day, rolled.day),
            ("month", rolled.month_micros, limits.micros_per_month, rolled.month),
        )
        if limit is not None
        and (reached := _reached(ask, scope, period, (used + live.micros, limit, since)))  # type: ignore[arg-type]  # the tuple above holds only periods
    ]
    told = {f"{one.period}:{one.level}": one.since.isoformat() for one in found}
    news = tuple(
        one
        for one in found
        if rolled.told.get(f"{one.period}:{one.level}") != one.since.isoformat()
    )
    marked = replace(rolled, told={**rolled.told, **told})
    refused = next((one for one in found if one.level == "hard"), None)
    wait = max(slow, slower, 1.0 if busy else 0.0)
    if refused is not None or wait > 0:
        return Verdict(marked, wait, refused, news)
    return Verdict(replace(marked, requests=requests, tokens=tokens), 0.0, None, news)


def _reached(
    ask: Ask, scope: Scope, period: Period, money: tuple[int, int, date]
) -> Reached | None:
    used, limit, since = money
    if used + ask.micros > limit:
        return Reached(scope, period, "hard", used, limit, since)
    if used + ask.micros >= limit * SOFT:
        return Reached(scope, period, "soft", used + ask.micros, limit, since)
    return None


def _poured(
    left: float | None, age: float, per_minute: int | None, amount: float
) -> tuple[float | None, float]:
    """Take an amount out of a bucket; gives what is left, or how many seconds to wait for it.

    What is larger than the whole bucket passes when the bucket is full: it could never pass else.
    """
    if per_minute is None:
        return left, 0.0
    full = float(per_minute)
    present = full if left is None else min(full, left + age * full / 60.0)
    missing = min(amount, full) - present
    if missing > 0:
        return left, missing * 60.0 / full
    return present - amount, 0.0


def _rolled(meter: Meter, today: date) -> Meter:
    """Begin a new day or month where one has begun."""
    month = today.replace(day=1)
    return replace(
        meter,
        day=today,
        day_micros=meter.day_micros if meter.day == today else 0,
        month=month,
        month_micros=meter.month_micros if meter.month == month else 0,
    )
