"""Lanes on real Postgres: order, leases, retries, parking, pacing."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from common.contracts import utc_now
from common.db import Database, Sql
from common.errors import InvalidInput, Unavailable
from common.lanes import (
    DONE,
    Done,
    Job,
    LanePlace,
    LaneWorker,
    LeaseLost,
    NewJob,
    Queue,
    cancel,
    claim,
    enqueue,
    extend,
    finish,
    finish_within,
    park,
    park_head,
    parked_jobs,
    postpone,
    resume_lane,
    retry,
    waiting_lanes,
)
from common.testing import eventually

pytestmark = pytest.mark.integration

SENDS = Queue("sends", lease=timedelta(seconds=5), first_wait=timedelta(milliseconds=20))
HOLDING = Queue("holding", when_parked="hold")


def jobs(key: str, *ids: str, pace: str | None = None) -> list[NewJob]:
    return [NewJob(key, one, one.encode(), "ten_a", pace_key=pace) for one in ids]


async def put(database: Database, queue: Queue, *new: NewJob) -> set[str]:
    async with database.transaction() as connection:
        return await enqueue(connection, queue, new)


async def take(database: Database, queue: Queue, count: int = 10) -> list[Job]:
    async with database.transaction() as connection:
        return await claim(connection, queue, count)


@asynccontextmanager
async def working(worker: LaneWorker) -> AsyncGenerator[LaneWorker]:
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    try:
        yield worker
    finally:
        stop.set()
        await running


async def test_a_lane_gives_its_jobs_in_order_and_one_at_a_time(database: Database) -> None:
    await put(database, SENDS, *jobs("chat", "a", "b"))
    [first] = await take(database, SENDS)
    assert (first.command_id, first.interrupted) == ("a", False)
    assert await take(database, SENDS) == []
    async with database.transaction() as connection:
        await finish(connection, SENDS, [(first, False)])
    [second] = await take(database, SENDS)
    assert second.command_id == "b"


async def test_finishing_can_go_on_with_the_next_of_the_lane(database: Database) -> None:
    await put(database, SENDS, *jobs("chat", "a", "b"))
    [first] = await take(database, SENDS)
    async with database.transaction() as connection:
        second = (await finish(connection, SENDS, [(first, True)]))["chat"]
        assert second is not None
        assert second.command_id == "b"
        assert (await finish(connection, SENDS, [(second, True)])) == {"chat": None}


async def test_the_same_command_waits_once(database: Database) -> None:
    assert await put(database, SENDS, *jobs("chat", "a", "a", "b")) == {"a", "b"}
    assert await put(database, SENDS, *jobs("chat", "b", "c")) == {"c"}
    async with database.transaction() as connection:
        [lane] = await waiting_lanes(connection)
        assert await waiting_lanes(connection, after=LanePlace.of(lane)) == []
    assert lane["pending"] == 3


async def test_a_dead_workers_job_comes_back_as_interrupted_and_its_late_write_is_refused(
    database: Database,
) -> None:
    short = Queue("sends", lease=timedelta(milliseconds=1))
    await put(database, short, *jobs("chat", "a"))
    [stale] = await take(database, short)
    claimed: list[Job] = []
    async with asyncio.timeout(5):
        while not claimed:
            claimed = await take(database, SENDS)
    assert claimed[0].interrupted
    assert claimed[0].attempts == 1
    with pytest.raises(LeaseLost):
        async with database.transaction() as connection:
            await finish_within(connection, SENDS, stale)
    async with database.transaction() as connection:
        assert await extend(connection, SENDS, [stale, *claimed]) == {"chat"}
        assert not await retry(connection, stale, after=timedelta(0), error="late")
        assert not await park(connection, SENDS, stale, reason="late")
        await finish_within(connection, SENDS, claimed[0])


async def test_a_failed_head_makes_its_lane_wait_and_nobody_else(database: Database) -> None:
    await put(database, SENDS, *jobs("stuck", "a", "b"), *jobs("free", "c"))
    stuck, free = sorted(await take(database, SENDS), key=lambda job: job.command_id)
    async with database.transaction() as connection:
        assert await retry(connection, stuck, after=timedelta(hours=1), error="Unavailable")
        await finish_within(connection, SENDS, free)
    await put(database, SENDS, *jobs("free", "d"))
    assert [job.command_id for job in await take(database, SENDS)] == ["d"]
    async with database.transaction() as connection:
        await resume_lane(connection, "sends", "stuck")
    [again] = await take(database, SENDS)
    assert (again.command_id, again.attempts, again.interrupted) == ("a", 0, False)


async def test_a_parked_head_holds_its_lane_or_lets_it_go_on(database: Database) -> None:
    await put(database, SENDS, *jobs("skips", "a", "b"))
    await put(database, HOLDING, *jobs("holds", "c", "d"))
    [skipping], [holding] = await take(database, SENDS), await take(database, HOLDING)
    async with database.transaction() as connection:
        await park(connection, SENDS, skipping, reason="refused")
        await park(connection, HOLDING, holding, reason="refused")
    assert [job.command_id for job in await take(database, SENDS)] == ["b"]
    assert await take(database, HOLDING) == []
    async with database.transaction() as connection:
        await park_head(connection, "holding", "holds", "given up by ana")
        await resume_lane(connection, "holding", "holds")
    assert [job.command_id for job in await take(database, HOLDING)] == ["d"]
    async with database.transaction() as connection:
        assert {job["command_id"] for job in await parked_jobs(connection)} == {"a", "c"}


async def test_cancelling_spares_only_the_job_in_hand(database: Database) -> None:
    await put(database, SENDS, *jobs("chat", "a", "b", "c"), *jobs("idle", "x"))
    in_hand = {job.key: job for job in await take(database, SENDS, 1)}
    async with database.transaction() as connection:
        assert await cancel(connection, SENDS, "chat", ["c", "a"]) == ["c"]
        assert await cancel(connection, SENDS, "chat") == ["b"]
        assert await cancel(connection, SENDS, "idle") == ["x"]
        await finish_within(connection, SENDS, in_hand["chat"])
        assert await waiting_lanes(connection) == []


async def test_a_postponed_lane_is_due_later(database: Database) -> None:
    await put(database, SENDS, *jobs("chat", "a"))
    async with database.transaction() as connection:
        assert await postpone(connection, SENDS, "chat", utc_now() + timedelta(hours=1))
    assert await take(database, SENDS) == []
    async with database.transaction() as connection:
        assert await postpone(connection, SENDS, "chat", utc_now())
    assert len(await take(database, SENDS)) == 1


async def test_a_scheduled_job_keeps_those_behind_it_waiting(database: Database) -> None:
    later = NewJob("chat", "a", b"", "ten_a", due_at=utc_now() + timedelta(hours=1))
    await put(database, SENDS, later, *jobs("chat", "b"))
    assert await take(database, SENDS) == []


class Recorder:
    """Notes the order of each lane and whether one ran twice at once."""

    def __init__(self) -> None:
        self.seen: dict[str, list[int]] = defaultdict(list)
        self.running: Counter[str] = Counter()
        self.overlaps = 0
        self.failures: Counter[str] = Counter()

    async def __call__(self, job: Job) -> Done | None:
        self.running[job.key] += 1
        self.overlaps += self.running[job.key] > 1
        await asyncio.sleep(0)
        self.running[job.key] -= 1
        if job.payload == b"flaky" and self.failures[job.command_id] < 2:
            self.failures[job.command_id] += 1
            raise Unavailable("not now")
        if job.payload == b"poison":
            raise InvalidInput("never")
        self.seen[job.key].append(job.seq)
        return None

    @property
    def count(self) -> int:
        return sum(map(len, self.seen.values()))


async def _fill(database: Database, lanes: int, each: int, payload: bytes = b"ok") -> None:
    async def producer(n: int) -> None:
        for m in range(each):
            await put(database, SENDS, NewJob(f"chat{n}", f"{n}-{m}", payload, "ten_a"))

    await asyncio.gather(*(producer(n) for n in range(lanes)))


async def test_two_workers_keep_every_lane_in_order_through_retries(database: Database) -> None:
    await _fill(database, lanes=8, each=20)
    await put(database, SENDS, NewJob("chat0", "flaky", b"flaky", "ten_a"), *jobs("chat0", "last"))
    recorder = Recorder()
    async with (
        working(LaneWorker(database, SENDS, recorder)),
        working(LaneWorker(database, SENDS, recorder, concurrency=2)),
    ):
        await eventually(lambda: recorder.count == 8 * 20 + 2)
    assert recorder.overlaps == 0
    assert all(seqs == sorted(set(seqs)) for seqs in recorder.seen.values())
    assert recorder.failures["flaky"] == 2


async def test_poison_is_parked_and_the_lane_goes_on(database: Database) -> None:
    await put(database, SENDS, NewJob("chat", "bad", b"poison", "ten_a"), *jobs("chat", "good"))
    recorder = Recorder()
    async with working(LaneWorker(database, SENDS, recorder)):
        await eventually(lambda: recorder.count == 1)
    async with database.transaction() as connection:
        [parked] = await parked_jobs(connection)
    assert parked["last_error"] == "invalid_input: never"


async def test_a_hot_lane_starves_nobody(database: Database) -> None:
    await put(database, SENDS, *jobs("hot", *(f"h{n}" for n in range(500))))
    await put(database, SENDS, *(NewJob(f"c{n}", f"c{n}", b"", "ten_a") for n in range(20)))
    order: list[str] = []

    async def note(job: Job) -> None:
        order.append(job.key)

    async with working(LaneWorker(database, SENDS, note, concurrency=2)):
        await eventually(lambda: len(order) == 520)
    last_cold = max(n for n, key in enumerate(order) if key != "hot")
    assert last_cold < 300


async def test_a_handler_may_finish_in_the_transaction_of_its_effect(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(Sql("create table effect (command_id text primary key)"))
    await put(database, SENDS, *jobs("chat", "a", "b"))
    done: list[str] = []

    async def effect(job: Job) -> Done:
        async with database.transaction() as connection:
            await connection.execute(Sql("insert into effect values (:id)"), {"id": job.command_id})
            await finish_within(connection, SENDS, job)
        done.append(job.command_id)
        return DONE

    async with working(LaneWorker(database, SENDS, effect)):
        await eventually(lambda: done == ["a", "b"])


async def test_parallel_enqueuers_of_one_lane_get_gapless_numbers(database: Database) -> None:
    async def one(n: int) -> None:
        await put(database, SENDS, *jobs("chat", f"x{n}", f"y{n}"))

    await asyncio.gather(*(one(n) for n in range(20)))
    async with database.transaction() as connection:
        rows = await connection.execute(Sql("select seq from lane_job order by seq"))
    assert rows.scalars() == list(range(1, 41))
