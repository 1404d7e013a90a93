"""Chores by the clock go on, whatever becomes of one of them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from common.errors import Unavailable
from common.service import Clock
from common.testing import eventually


@asynccontextmanager
async def running(clock: Clock) -> AsyncGenerator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(clock.run(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 5)


@pytest.mark.parametrize(
    ("error", "told"), [(Unavailable("away"), "chore.postponed"), (KeyError(), "chore.failed")]
)
async def test_what_fails_is_told_and_its_next_time_comes(error: Exception, told: str) -> None:
    runs: list[int] = []

    async def chore() -> None:
        runs.append(1)
        if len(runs) == 1:
            raise error

    with capture_logs() as logs:
        async with running(Clock("sweep", chore, every=0.01)):
            await eventually(lambda: len(runs) > 2)
    assert [(line["event"], line["chore"]) for line in logs] == [(told, "sweep")]


async def test_what_is_not_done_at_once_goes_on_soon() -> None:
    runs: list[int] = []

    async def chore() -> bool:
        runs.append(1)
        return len(runs) < 3

    async with running(Clock("sweep", chore, every=3600)):
        await eventually(lambda: len(runs) == 3)


async def test_it_is_stalled_only_when_a_chore_hangs() -> None:
    clock = Clock("sweep", lambda: asyncio.sleep(0), every=3600)
    assert (clock.not_ready(), clock.stalled()) == (None, None)
    late = Clock("sweep", lambda: asyncio.sleep(0), every=-200)
    assert (late.stalled() or "").startswith("sweep: no turn for")
