"""How much is too much: token buckets that are told the time, and what is under way at once."""

import math
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from common.errors import HeldBack, RateLimited

_REMEMBERED = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


@dataclass(slots=True)
class Allowances:
    """A token bucket per name, such as a tenant; one that is full again is forgotten.

    Kept per process: with three replicas behind a balancer a tenant gets up to three times as
    much. That bounds what one tenant can take from the others, which is all it is for.
    """

    per_second: float
    burst: int
    _buckets: dict[str, _Bucket] = field(default_factory=dict)

    def allows(self, name: str, now: float) -> bool:
        """Take a token if there is one; `now` is in seconds of any steady clock."""
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._new(name, now)
        bucket.tokens = min(self.burst, bucket.tokens + (now - bucket.at) * self.per_second)
        bucket.at = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def spend(self, name: str, now: float) -> None:
        """Take a token.

        Raises:
            RateLimited: there is none; it says in how many whole seconds there will be.
        """
        if not self.allows(name, now):
            wait = math.ceil((1 - self._buckets[name].tokens) / self.per_second)
            raise RateLimited(
                f"Over the limit of {self.per_second:g} requests per second.",
                hint="Wait for the seconds named in Retry-After.",
                retry_after=timedelta(seconds=max(1, wait)),
            )

    def _new(self, name: str, now: float) -> _Bucket:
        if len(self._buckets) >= _REMEMBERED:
            idle = now - self.burst / self.per_second
            self._buckets = {n: b for n, b in self._buckets.items() if b.at > idle}
        bucket = self._buckets[name] = _Bucket(self.burst, now)
        return bucket


_SOME_END = timedelta(seconds=5)


@dataclass(slots=True)
class InFlight:
    """How many requests are under way for each tenant, and no more than there may be.

    Kept per process, like the connections that it divides up.
    """

    per_tenant: int
    strangers: int
    """For all who need no key, together."""
    _counts: dict[str | None, int] = field(default_factory=dict)

    @contextmanager
    def one(self, tenant: str | None) -> Generator[None]:
        """Count a request for as long as it lasts; without a tenant it is a stranger's.

        Raises:
            RateLimited: there are as many as there may be.
        """
        most = self.strangers if tenant is None else self.per_tenant
        count = self._counts.get(tenant, 0)
        if count >= most:
            raise RateLimited(
                f"Over the limit of {most} requests at once, event streams included.",
                hint="End some that are under way, or wait for the seconds named in Retry-After.",
                retry_after=_SOME_END,
            )
        self._counts[tenant] = count + 1
        try:
            yield
        finally:
            self._counts[tenant] -= 1
            if not self._counts[tenant]:
                del self._counts[tenant]


@dataclass(slots=True)
class Room:
    """How many bytes one body may have, and all large ones together that are held at once."""

    each: int
    together: int
    held: int = 0

    @contextmanager
    def taken(self) -> Generator[Callable[[int], None]]:
        """Give what takes room for a body: told how large it is, or has become so far.

        A body that is alone always finds room. What takes it raises HeldBack when there is none.
        """
        mine = 0

        def take(size: int) -> None:
            nonlocal mine
            if size <= mine:
                return
            if self.held > mine and self.held - mine + size > self.together:
                raise HeldBack("Too many large bodies are being read at once.")
            self.held += size - mine
            mine = size

        try:
            yield take
        finally:
            self.held -= mine
