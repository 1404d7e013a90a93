"""The clock of what is not kept for ever."""

import asyncio
from contextlib import suppress

from common.errors import Transient
from common.telemetry import get_logger
from whatsapp_service.domain.usecases.retention import Retention

EVERY_SECONDS = 600.0
_BETWEEN_SECONDS = 1.0
"""Between two batches: messages go first."""

log = get_logger()


class Tidying:
    """Deletes old files, a small batch at a time; several workers do each other no harm."""

    name = "tidying"

    def __init__(self, retention: Retention, *, every: float = EVERY_SECONDS) -> None:
        self._retention = retention
        self._every = every

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop."""
        while not stop.is_set():
            more = False
            try:
                more = await self._retention.expire()
            except Transient as failure:
                log.warning("tidying.postponed", reason=str(failure), error=failure.code)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _BETWEEN_SECONDS if more else self._every)

    def not_ready(self) -> str | None:
        """Nobody waits for it."""
        return None

    def stalled(self) -> str | None:
        """A restart would mend nothing."""
        return None
