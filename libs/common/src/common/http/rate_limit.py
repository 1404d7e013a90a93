"""Token buckets on our side of the wire, one per key."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from common.errors import RateLimited

_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Rate:
    """So many calls per second in the long run, and so many at once."""

    per_second: float
    burst: int = 1


class RateLimiter:
    """Keeps each key under its rate; a key that is idle costs nothing.

    One number per key (the generic cell rate algorithm): the time at which its bucket is full
    again. Waiting callers are served in the order they asked.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._full_at: dict[str, float] = {}

    async def take(self, key: str, rate: Rate, *, longest_wait: float = 0.0) -> None:
        """Take one token, waiting for it if need be.

        Raises:
            RateLimited: with the wait, when it is over `longest_wait` seconds; nothing is taken.
        """
        wait = self.reserve(key, rate, longest_wait=longest_wait)
        if wait > 0:
            await self._sleep(wait)

    def reserve(self, key: str, rate: Rate, *, longest_wait: float = 0.0) -> float:
        """Take one token now or from the future; returns the seconds until it is ours.

        Raises:
            RateLimited: as `take` does.
        """
        now = self._clock()
        interval = 1.0 / rate.per_second
        full_at = max(self._full_at.get(key, now), now) + interval
        wait = full_at - interval * rate.burst - now
        if wait > longest_wait:
            raise RateLimited(
                f"Over the limit of {rate.per_second:g} calls per second.",
                retry_after=timedelta(seconds=wait),
            )
        if len(self._full_at) >= _REMEMBERED and key not in self._full_at:
            self._full_at = {k: at for k, at in self._full_at.items() if at > now}
        self._full_at[key] = full_at
        return max(wait, 0.0)
