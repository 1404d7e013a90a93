"""The pace of lanes on real Postgres: gaps, bursts, budgets, pauses."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from common.contracts import utc_now
from common.db import Database, Sql
from common.errors import HeldBack, Unavailable
from common.lanes import (
    Job,
    LaneWorker,
    NewJob,
    Queue,
    claim,
    enqueue,
    retry,
    set_pace,
)
from common.lanes.store import next_due
from common.testing import eventually

pytestmark = pytest.mark.integration

PACED = Queue("paced", paced=True, lease=timedelta(seconds=5))


async def put(database: Database, lanes: int, pace: str | None, prefix: str = "c") -> None:
    jobs = [
        NewJob(f"{prefix}{n}", f"{prefix}{n}", b"", "ten_a", pace_key=pace) for n in range(lanes)
    ]
    async with database.transaction() as connection:
        await enqueue(connection, PACED, jobs)


async def take(database: Database, count: int = 10) -> list[str]:
    return sorted(job.command_id for job in await claim(database, PACED, count))


async def pace(database: Database, gap: float, **more: Any) -> None:
    async with database.transaction() as connection:
        await set_pace(connection, "num", tenant="ten_a", gap=timedelta(seconds=gap), **more)


async def spent(database: Database) -> int:
    rows = await database.execute(Sql("select spent from pace where key = 'num'"))
    return int(rows.one()[0])


async def test_a_pace_stops_at_its_budget_and_nobody_else_does(database: Database) -> None:
    await pace(database, 0, budget=2)
    await put(database, 4, "num")
    await put(database, 1, "unpaced", "free")
    assert await take(database) == ["c0", "c1", "free0"]
    assert await take(database) == []
    assert await spent(database) == 2
    await database.execute(Sql("update pace set day = day - 1"))
    assert await take(database, 1) == ["c2"]
    assert await spent(database) == 1


async def test_a_gap_keeps_the_next_job_of_a_pace_waiting(database: Database) -> None:
    await pace(database, 3600, jitter=0.5)
    await put(database, 2, "num")
    assert await take(database) == ["c0"]
    assert await take(database) == []


async def test_a_burst_goes_at_once_and_is_earned_again_gap_by_gap(database: Database) -> None:
    await pace(database, 100, burst=3)
    await put(database, 6, "num")
    assert await take(database) == ["c0", "c1", "c2"]
    assert await take(database) == []
    await database.execute(Sql("update pace set next_at = next_at - interval '201 seconds'"))
    assert await take(database) == ["c3", "c4"]
    await database.execute(Sql("update pace set next_at = next_at - interval '1 day'"))
    assert await take(database, 1) == ["c5"]


async def test_jitter_makes_gaps_longer_and_never_shorter(database: Database) -> None:
    gaps = []
    await put(database, 20, "num")
    for _ in range(20):
        await pace(database, 10, jitter=0.5)
        await database.execute(Sql("update pace set next_at = now()"))
        assert len(await take(database, 1)) == 1
        rows = await database.execute(Sql("select next_at from pace"))
        gaps.append((rows.one()[0] - utc_now()).total_seconds())
    assert min(gaps) > 9
    assert max(gaps) <= 15
    assert max(gaps) - min(gaps) > 0.5


async def test_what_failed_has_not_used_up_the_day(database: Database) -> None:
    await pace(database, 0, budget=1)
    await put(database, 2, "num")
    [job] = await claim(database, PACED, 10)
    assert await take(database) == []
    async with database.transaction() as connection:
        assert await retry(connection, job, after=timedelta(hours=1), error="not now")
    assert await spent(database) == 0
    assert await take(database) == ["c1"]


@pytest.mark.parametrize(("untried", "following"), [(True, ["c1"]), (False, [])])
async def test_only_what_was_not_tried_leaves_its_gap_to_the_next(
    database: Database, untried: bool, following: list[str]
) -> None:
    await pace(database, 3600, jitter=0.5)
    await put(database, 3, "num")
    [job] = await claim(database, PACED, 10)
    async with database.transaction() as connection:
        await retry(connection, job, after=timedelta(0), error="not now", untried=untried)
    assert await take(database) == following


async def test_a_gap_given_back_opens_when_its_job_is_due_again(database: Database) -> None:
    await pace(database, 3600)
    await put(database, 2, "num")
    [job] = await claim(database, PACED, 10)
    async with database.transaction() as connection:
        await retry(connection, job, after=timedelta(minutes=1), error="not now", untried=True)
    assert await take(database) == []
    await database.execute(Sql("update pace set next_at = next_at - interval '1 minute'"))
    assert await take(database) == ["c1"]


async def test_a_gap_that_another_may_have_used_since_is_not_given_back(database: Database) -> None:
    await pace(database, 3600)
    await put(database, 2, "num")
    [job] = await claim(database, PACED, 10)
    slow = replace(job, leased_at=job.leased_at - timedelta(hours=1))
    async with database.transaction() as connection:
        assert await retry(connection, slow, after=timedelta(0), error="not now", untried=True)
    assert await take(database) == []


async def test_a_worker_does_what_was_held_back_without_another_gap(database: Database) -> None:
    tries: list[int] = []

    async def work(job: Job) -> None:
        tries.append(job.attempts)
        if not job.attempts:
            raise HeldBack("stalled", retry_after=timedelta(0))

    await pace(database, 3600)
    await put(database, 1, "num")
    stop = asyncio.Event()
    running = asyncio.create_task(LaneWorker(database, PACED, work).run(stop))
    await eventually(lambda: tries == [0, 1])
    stop.set()
    await running


async def test_two_workers_share_one_pace(database: Database) -> None:
    await pace(database, 0, budget=50)
    await put(database, 100, "num")
    claims = await asyncio.gather(*(claim(database, PACED, 10) for _ in range(20)))
    taken = [job.command_id for jobs in claims for job in jobs]
    while jobs := await claim(database, PACED, 10):
        taken += [job.command_id for job in jobs]
    assert len(taken) == len(set(taken)) == 50


async def test_a_worker_sleeps_until_the_pace_lets_its_lanes_go(database: Database) -> None:
    await pace(database, 50)
    await put(database, 2, "num")
    assert await next_due(database, PACED) == 0
    assert len(await take(database)) == 1
    wait = await next_due(database, PACED)
    assert wait is not None
    assert 4 < wait <= 50
    await pace(database, 0, budget=1)
    await database.execute(Sql("update pace set next_at = now()"))
    wait = await next_due(database, PACED)
    assert wait is not None
    assert wait <= 86_400


async def test_a_worker_keeps_the_pace_of_each_number_and_hurries_the_others(
    database: Database,
) -> None:
    done: list[str] = []

    async def work(job: Job) -> None:
        if job.command_id == "c0" and "c0" not in done:
            done.append("c0")
            raise Unavailable("once", retry_after=timedelta(milliseconds=10))
        done.append(job.command_id)

    await pace(database, 0.2)
    await put(database, 5, "num")
    await put(database, 30, None, "free")
    stop = asyncio.Event()
    began = asyncio.get_running_loop().time()
    running = asyncio.create_task(LaneWorker(database, PACED, work).run(stop))
    await eventually(lambda: sum(one.startswith("free") for one in done) == 30)
    assert sum(one.startswith("c") for one in done) < 5
    await eventually(lambda: len(done) == 36)
    assert asyncio.get_running_loop().time() - began > 0.9
    stop.set()
    await running
