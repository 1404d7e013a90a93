"""The gateway's clock: once in a while, what is old is removed."""

from collections.abc import Awaitable, Callable

from common.service import Clock
from common.telemetry import get_logger

EVERY_SECONDS = 600.0

log = get_logger()


def housekeeping(
    tidy: Callable[[], Awaitable[tuple[int, int]]], *, every: float = EVERY_SECONDS
) -> Clock:
    """Make what tidies at the start and every ten minutes."""

    async def chore() -> None:
        lines, bodies = await tidy()
        if lines or bodies:
            log.info("housekeeping.tidied", audit_lines=lines, parked_bodies=bodies)

    return Clock("housekeeping", chore, every=every)
