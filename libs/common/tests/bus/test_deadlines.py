"""Shared deadlines behave as `asyncio.timeout` does, to 50 ms."""

import asyncio
import time

import pytest

from common.bus.deadlines import Deadlines
from common.testing import eventually


async def test_a_wait_that_takes_too_long_ends_and_its_task_goes_on() -> None:
    deadlines, began = Deadlines(), time.perf_counter()
    with pytest.raises(TimeoutError), deadlines.within(0.2):
        await asyncio.Event().wait()
    assert time.perf_counter() - began >= 0.2
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await eventually(lambda: not deadlines._ticking)


async def test_waits_in_time_leave_nothing_behind() -> None:
    deadlines = Deadlines()
    for _ in range(100):
        with deadlines.within(0.05):
            await asyncio.sleep(0)
    await eventually(lambda: not deadlines._slots)


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    deadlines, waiting = Deadlines(), asyncio.Event()

    async def wait() -> None:
        with deadlines.within(5):
            waiting.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_outer_deadline_ends_an_inner_wait() -> None:
    deadlines = Deadlines()
    with pytest.raises(TimeoutError), deadlines.within(0.1), deadlines.within(5):
        await asyncio.Event().wait()


async def test_only_the_late_ones_of_many_end() -> None:
    deadlines = Deadlines()

    async def wait(n: int) -> str:
        try:
            with deadlines.within(0.2):
                await asyncio.sleep(10 if n % 2 else 0)
        except TimeoutError:
            return "late"
        return "ok"

    assert await asyncio.gather(*(wait(n) for n in range(1000))) == ["ok", "late"] * 500
