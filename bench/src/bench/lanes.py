"""`lanes_per_s_vs_insert`: jobs drained per second, against single-row insert transactions."""

import asyncio
import time
from typing import Any

import asyncpg

from bench.ground import Ground
from common.db import Database
from common.lanes import Job, LaneWorker, NewJob, Queue, enqueue

LANES = 500
_HOT = 5000
_QUEUE = Queue("bench")


async def measure(ground: Ground, *, jobs: int, seconds: float) -> dict[str, Any]:
    """Drain a backlog with a handler that does nothing; insert rows one by one before and after."""
    await ground.migrate("whatsapp")
    url = ground.database("whatsapp")
    database = Database(url)
    before = await _inserts(url, seconds)
    await _fill(database, jobs)
    drained, cpu = await _drain(database, jobs)
    after = await _inserts(url, seconds)
    await _fill(database, _HOT, prefix="hot", lanes=1)
    await _fill(database, 500, prefix="cold")
    cold = await _cold_delay(database, _HOT + 500)
    await database.close()
    inserts = (before + after) / 2
    return {
        "ratio": drained / inserts,
        "jobs_per_s": drained,
        "inserts_per_s": inserts,
        "cpu_us_per_job": cpu,
        "cold_chats_done_behind_a_hot_one_s": cold,
    }


async def _inserts(url: str, seconds: float) -> float:
    """Insert single rows, one transaction each, on one connection."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "create table if not exists raw_insert (id bigint primary key, payload bytea)"
        )
        await connection.execute("truncate raw_insert")
        payload, count = b"x" * 300, 0
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            await connection.execute("insert into raw_insert values ($1, $2)", count, payload)
            count += 1
        return count / (time.perf_counter() - began)
    finally:
        await connection.close()


async def _fill(database: Database, jobs: int, *, prefix: str = "chat", lanes: int = LANES) -> None:
    for start in range(0, jobs, 1000):
        batch = [
            NewJob(f"{prefix}{n % lanes}", f"{prefix}-{n}", b"x" * 300, "ten_bench")
            for n in range(start, min(start + 1000, jobs))
        ]
        async with database.transaction() as connection:
            await enqueue(connection, _QUEUE, batch)


async def _drain(database: Database, jobs: int) -> tuple[float, float]:
    done = 0
    finished = asyncio.Event()

    async def count(_: Job) -> None:
        nonlocal done
        done += 1
        if done == jobs:
            finished.set()

    began, cpu = time.perf_counter(), time.process_time()
    await _run_until(LaneWorker(database, _QUEUE, count, concurrency=64), finished)
    seconds = time.perf_counter() - began
    return jobs / seconds, (time.process_time() - cpu) / jobs * 1e6


async def _cold_delay(database: Database, jobs: int) -> float:
    """Measure how long the last of the cold lanes waits behind one hot lane."""
    done = 0
    last_cold = 0.0
    began = time.perf_counter()
    finished = asyncio.Event()

    async def watch(job: Job) -> None:
        nonlocal done, last_cold
        done += 1
        if job.key.startswith("cold"):
            last_cold = time.perf_counter() - began
        if done == jobs:
            finished.set()

    await _run_until(LaneWorker(database, _QUEUE, watch, concurrency=64), finished)
    return last_cold


async def _run_until(worker: LaneWorker, finished: asyncio.Event) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    async with asyncio.timeout(300):
        await finished.wait()
    stop.set()
    await running
