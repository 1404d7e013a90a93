"""How much is too much: token buckets that are told the time."""

import math
from dataclasses import dataclass, field
from datetime import timedelta

from common.errors import RateLimited

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
