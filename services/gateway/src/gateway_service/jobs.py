"""The gateway's clock: once in a while, what is old is removed."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from common.errors import Transient
from common.telemetry import get_logger

EVERY_SECONDS = 600.0

log = get_logger()


class Housekeeping:
    """Tidies at the start and every ten minutes; several replicas do each other no harm."""

    name = "housekeeping"

    def __init__(
        self, tidy: Callable[[], Awaitable[tuple[int, int]]], *, every: float = EVERY_SECONDS
    ) -> None:
        self._tidy = tidy
        self._every = every

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop."""
        while not stop.is_set():
            try:
                lines, bodies = await self._tidy()
            except Transient as failure:
                log.warning("housekeeping.postponed", reason=str(failure), error=failure.code)
            else:
                if lines or bodies:
                    log.info("housekeeping.tidied", audit_lines=lines, parked_bodies=bodies)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._every)

    def not_ready(self) -> str | None:
        """Nobody waits for it."""
        return None

    def stalled(self) -> str | None:
        """A restart would mend nothing."""
        return None
