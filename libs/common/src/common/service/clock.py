"""Chores by the clock: something small that a process does now and then."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from common.db import Database, purge_inbox
from common.errors import Transient
from common.telemetry import get_logger

_SOON_SECONDS = 1.0
"""Between two parts of one chore: messages go first."""
_STALLED_SECONDS = 120
_INBOX_SECONDS = 600.0

log = get_logger()


class Clock:
    """Does a chore at the start and then every so often; several replicas do each other no harm.

    What fails waits for its next time: a chore that is late, or has a bug, stops no message.
    """

    def __init__(
        self, name: str, chore: Callable[[], Awaitable[bool | None]], *, every: float
    ) -> None:
        """`chore` returns True when there is more of it; `every` is in seconds."""
        self.name = name
        self._chore = chore
        self._every = every
        self._beat = time.monotonic()

    def not_ready(self) -> str | None:
        """Always ready: nobody waits for it."""
        return None

    def stalled(self) -> str | None:
        """Stalled when it has not turned for two minutes longer than it sleeps."""
        age = time.monotonic() - self._beat
        late = age > self._every + _STALLED_SECONDS
        return f"{self.name}: no turn for {age:.0f} s" if late else None

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set."""
        while not stop.is_set():
            self._beat = time.monotonic()
            more = await self._do()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _SOON_SECONDS if more else self._every)

    async def _do(self) -> bool | None:
        try:
            return await self._chore()
        except Transient as failure:
            log.warning("chore.postponed", chore=self.name, reason=str(failure), error=failure.code)
        except Exception:  # the log gets the whole of it, and the process goes on
            log.exception("chore.failed", chore=self.name)
        return None


def inbox_tidying(database: Database) -> Clock:
    """Forget the events that can come no more; every worker that consumes has this chore."""

    async def chore() -> bool:
        async with database.transaction() as connection:
            return await purge_inbox(connection)

    return Clock("inbox", chore, every=_INBOX_SECONDS)
