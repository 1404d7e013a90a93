"""Wait for a condition, never for a time."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable

_EVERY_SECONDS = 0.02


async def eventually(
    condition: Callable[[], object | Awaitable[object]], *, within: float = 15, what: str = ""
) -> None:
    """Return as soon as the condition is truthy.

    Raises:
        AssertionError: it was not within `within` seconds.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return
        if loop.time() > deadline:
            raise AssertionError(f"not within {within:.0f} s: {what or condition}")
        await asyncio.sleep(_EVERY_SECONDS)
