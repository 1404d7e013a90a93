"""How late the event loop is: the one number that shows a blocking call."""

import asyncio

from common.telemetry.metrics import LOOP_LAG

_INTERVAL_SECONDS = 0.5


async def sample_loop_lag(stop: asyncio.Event, interval: float = _INTERVAL_SECONDS) -> None:
    """Ask to be woken every `interval` seconds until `stop` is set, and record how late it was."""
    loop = asyncio.get_running_loop()
    while not stop.is_set():
        expected = loop.time() + interval
        try:
            async with asyncio.timeout_at(expected):
                await stop.wait()
        except TimeoutError:
            LOOP_LAG.observe(max(0.0, loop.time() - expected))
