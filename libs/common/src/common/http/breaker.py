"""Circuit breakers: a host that fails in a row is left alone for a while."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from common.errors import Unavailable

Clock = Callable[[], float]
_REMEMBERED = 5_000


class BreakerState(StrEnum):
    """What a breaker lets through."""

    CLOSED = "closed"
    """Everything."""
    OPEN = "open"
    """Nothing, until the cool-down is over."""
    HALF_OPEN = "half_open"
    """One probe."""


Moved = Callable[[str, BreakerState, BreakerState], None]
"""Told about a change: whose breaker, from, to."""


def _tell_nobody(_provider: str, _before: BreakerState, _after: BreakerState) -> None:
    return None


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """How many failures in a row open it, and for how many seconds."""

    failures: int = 8
    cooldown: float = 15.0


class Breaker:
    """One host's breaker. After `admit`, tell exactly one of succeeded, failed, abandoned."""

    def __init__(self, provider: str, policy: BreakerPolicy, clock: Clock, moved: Moved) -> None:
        self.state = BreakerState.CLOSED
        self._provider = provider
        self._policy = policy
        self._clock = clock
        self._moved = moved
        self._failures = 0
        self._open_until = 0.0

    def admit(self) -> None:
        """Let a call pass.

        Raises:
            Unavailable: with the time left, while the host is left alone or being probed.
        """
        if self.state is BreakerState.CLOSED:
            return
        left = self._open_until - self._clock()
        if self.state is BreakerState.OPEN and left <= 0:
            self._move(BreakerState.HALF_OPEN)
            return
        raise Unavailable(
            f"{self._provider} failed too often and is left alone for a moment.",
            retry_after=timedelta(seconds=max(left, 1.0)),
        )

    def succeeded(self) -> None:
        """The host answered, even if it answered no."""
        self._failures = 0
        if self.state is not BreakerState.CLOSED:
            self._move(BreakerState.CLOSED)

    def failed(self) -> None:
        """The host did not answer, or with its own failure."""
        self._failures += 1
        probing = self.state is BreakerState.HALF_OPEN
        if probing or self._failures >= self._policy.failures:
            self._open_until = self._clock() + self._policy.cooldown
            self._move(BreakerState.OPEN)

    def abandoned(self) -> None:
        """The call ended without saying anything about the host: we stopped it ourselves."""
        if self.state is BreakerState.HALF_OPEN:
            # The next caller is the probe, at once.
            self._open_until = self._clock()
            self._move(BreakerState.OPEN)

    def _move(self, state: BreakerState) -> None:
        before, self.state = self.state, state
        if before is not state:
            self._moved(self._provider, before, state)


class Breakers:
    """The breakers of a process, one per provider and host."""

    def __init__(
        self,
        policy: BreakerPolicy | None = None,
        *,
        clock: Clock = time.monotonic,
        moved: Moved = _tell_nobody,
    ) -> None:
        self._policy = policy or BreakerPolicy()
        self._clock = clock
        self._moved = moved
        self._breakers: dict[tuple[str, str], Breaker] = {}

    def of(self, provider: str, host: str) -> Breaker:
        """Find the breaker, or begin a closed one."""
        key = (provider, host)
        breaker = self._breakers.get(key)
        if breaker is None:
            self._forget_closed()
            breaker = Breaker(provider, self._policy, self._clock, self._moved)
            self._breakers[key] = breaker
        return breaker

    def _forget_closed(self) -> None:
        """Tenants choose hosts, so their number must not be ours to bear."""
        if len(self._breakers) >= _REMEMBERED:
            kept = {k: b for k, b in self._breakers.items() if b.state is not BreakerState.CLOSED}
            self._breakers = kept
