"""Waiting for something that announces itself to nobody."""

import asyncio
from collections.abc import Awaitable, Callable


async def until(check: Callable[[], Awaitable[bool]], every: float = 0.02) -> None:
    """Ask again every so many seconds until the answer is yes; the caller sets the deadline."""
    while not await check():  # noqa: ASYNC110 - other processes' states come without an event
        await asyncio.sleep(every)
