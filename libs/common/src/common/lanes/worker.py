"""Work the lanes of one queue: claim what is due, do it, and never two of a lane at once."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog

from common.contracts.trace import current_traceparent
from common.db import Connection, Database, Sql
from common.errors import HeldBack, Permanent, Transient
from common.lanes import statements as sql
from common.lanes.finisher import Finisher
from common.lanes.jobs import Job, LeaseLost, ParkedJob, Queue, WhenParked
from common.lanes.store import claim, extend, next_due, park, retry
from common.telemetry import metrics

log = structlog.get_logger()

BUG_ATTEMPTS = 5
DRAIN_SECONDS = 20
_POLL_SECONDS = 0.5
_NEWS_SECONDS = 0.1
_SOON_SECONDS = 0.02
_STALLED_SECONDS = 120
_DEPTH = Sql(sql.DEPTH)


@dataclass(frozen=True, slots=True)
class Done:
    """Said by a handler that has finished its job itself, in the transaction of its effect."""

    following: Job | None = None
    """The lane's next job, leased by the same statement (`finish_within(…, more=True)`)."""


DONE = Done()
JobHandler = Callable[[Job], Awaitable[Done | None]]


class LaneWorker:
    """Does the jobs of one queue, `concurrency` lanes at a time.

    The handler returns None to have its job finished, or DONE when it did that itself; it
    raises Transient to be tried again later (HeldBack when nothing was done yet), Permanent to
    have the job parked.
    """

    def __init__(
        self,
        database: Database,
        queue: Queue,
        handler: JobHandler,
        *,
        concurrency: int = 32,
        when_parked: WhenParked | None = None,
    ) -> None:
        self.name = f"lanes:{queue.name}"
        self._database = database
        self._queue = queue
        self._handler = handler
        self._when_parked = when_parked
        self._concurrency = concurrency
        self._active: dict[str, Job] = {}
        self._in_a_row: dict[str, int] = {}
        self._wake = asyncio.Event()
        self._slots: set[asyncio.Task[None]] = set()
        self._finisher = Finisher(database, queue, self._wake.set)
        self._stopping = False
        self._beat = time.monotonic()

    def nudge(self) -> None:
        """Say that work was committed."""
        self._wake.set()

    def not_ready(self) -> str | None:
        """Always ready: work waits in its lanes."""
        return None

    def stalled(self) -> str | None:
        """Stalled when its loop has not turned for two minutes."""
        age = time.monotonic() - self._beat
        return f"{self.name}: no turn for {age:.0f} s" if age > _STALLED_SECONDS else None

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then finish what is in hand."""
        stopping = asyncio.ensure_future(stop.wait())
        stopping.add_done_callback(lambda _: self._wake.set())
        leases = asyncio.ensure_future(self._keep_leases())
        try:
            while not stop.is_set():
                self._beat = time.monotonic()
                self._wake.clear()
                try:
                    full = await self._claim_and_start()
                    # Who is nudged all the time need not know when the next lane is due.
                    if await self._nudged(within=_POLL_SECONDS if full else _NEWS_SECONDS):
                        continue
                    wait = await self._until_due()
                except Transient as error:
                    log.warning("lanes.claim_failed", queue=self._queue.name, error=str(error))
                    wait = _POLL_SECONDS
                await self._nudged(within=wait)
            await self._drain()
        finally:
            stopping.cancel()
            leases.cancel()

    async def _claim_and_start(self) -> bool:
        """Fill the free slots; True when none is left."""
        free = self._concurrency - len(self._slots)
        if free <= 0:
            return True
        jobs = await claim(self._database, self._queue, free)
        for job in jobs:
            slot = asyncio.get_running_loop().create_task(self._work_lane(job))
            self._slots.add(slot)
            slot.add_done_callback(self._slot_free)
        return len(jobs) == free

    async def _until_due(self) -> float:
        """Say how many seconds to wait for the next lane, or for news."""
        due = await next_due(self._database, self._queue)
        # A lane that is due and was not claimed waits for its pace or for another's lock.
        return _POLL_SECONDS if due is None else min(_POLL_SECONDS, max(due, _SOON_SECONDS))

    async def _nudged(self, *, within: float) -> bool:
        """Wait for a nudge, or for the stop, which is one too."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._wake.wait()
        return self._wake.is_set()

    def _slot_free(self, slot: asyncio.Task[None]) -> None:
        self._slots.discard(slot)
        if not slot.cancelled() and slot.exception() is not None:
            log.error("lane.slot_failed", queue=self._queue.name, error=repr(slot.exception()))
        if len(self._slots) >= self._concurrency - 1:
            self._wake.set()

    def may_go_on(self, job: Job) -> bool:
        """Whether the lane of a job in hand may be kept for its next job."""
        return self._in_a_row.get(job.key, 0) < self._queue.yield_after and not self._stopping

    async def _work_lane(self, first: Job) -> None:
        job: Job | None = first
        try:
            while job is not None:
                self._in_a_row[job.key] = self._in_a_row.get(job.key, 0) + 1
                self._active[job.key] = job
                done = await self._do(job)
                if done is not None:
                    job = done.following
                else:
                    job = await self._finisher.finish(job, more=self.may_go_on(job))
        finally:
            self._active.pop(first.key, None)
            self._in_a_row.pop(first.key, None)

    async def _do(self, job: Job) -> Done | None:
        """Do one job; None when it is still to be taken off its lane."""
        trace = current_traceparent.set(job.traceparent)
        began = time.perf_counter()
        outcome = "done"
        try:
            return await self._handler(job)
        except LeaseLost:
            outcome = "lease_lost"
            log.warning("lane.lease_lost", queue=self._queue.name, seq=job.seq)
        except Permanent as error:
            outcome = "parked"
            await self._park(job, f"{error.code}: {error}")
        except Exception as error:  # noqa: BLE001 - sorted in `_later`: retried, in the end parked
            outcome = "retried"
            await self._later(job, error)
        finally:
            current_traceparent.reset(trace)
            metrics.HANDLER_SECONDS.labels(handler=self.name, outcome=outcome).observe(
                time.perf_counter() - began
            )
        return DONE

    async def _later(self, job: Job, error: Exception) -> None:
        is_bug = not isinstance(error, Transient)
        limit = BUG_ATTEMPTS if is_bug else self._queue.max_attempts
        if is_bug:
            log.error("lane.job_failed", queue=self._queue.name, exc_info=error)
        if limit is not None and job.attempts + 1 >= limit:
            await self._park(job, f"{type(error).__name__}: {error}")
            return
        wait = _wait(self._queue, job.attempts)
        if isinstance(error, Transient) and error.retry_after is not None:
            wait = error.retry_after
        log.warning(
            "lane.job_retried",
            queue=self._queue.name,
            attempt=job.attempts + 1,
            wait_s=round(wait.total_seconds(), 2),
            error=f"{type(error).__name__}: {error}"[:300],
        )
        async with self._database.transaction() as connection:
            await retry(
                connection,
                job,
                after=wait,
                error=f"{type(error).__name__}: {error}",
                untried=isinstance(error, HeldBack),
            )
        self._wake.set()

    async def _park(self, job: Job, reason: str) -> None:
        log.error("lane.job_parked", queue=self._queue.name, seq=job.seq, reason=reason[:300])
        given_up = self._queue.when_parked == "skip"
        parked = ParkedJob(job.queue, job.key, job.command_id, job.payload, job.tenant, reason)
        async with self._database.transaction() as connection:
            ours = await park(connection, self._queue, job, reason=reason)
            if ours and given_up and self._when_parked is not None:
                await self._when_parked(connection, parked)
        self._wake.set()

    async def _keep_leases(self) -> None:
        """Renew what takes long, and measure the queue while at it."""
        while True:
            await asyncio.sleep(self._queue.lease.total_seconds() / 3)
            jobs = list(self._active.values())
            try:
                async with self._database.transaction() as connection:
                    if jobs:
                        await extend(connection, self._queue, jobs)
                    await self._measure(connection)
            except Transient as error:
                log.warning("lanes.extend_failed", queue=self._queue.name, error=str(error))

    async def _measure(self, connection: Connection) -> None:
        row = (await connection.execute(_DEPTH, {"queue": self._queue.name})).one()
        lanes, jobs, held, age = row
        metrics.LANES_PENDING.labels(queue=self._queue.name).set(jobs)
        metrics.LANES_HELD.labels(queue=self._queue.name).set(held)
        metrics.LANES_OLDEST_SECONDS.labels(queue=self._queue.name).set(max(0.0, age))
        metrics.LANES_WAITING.labels(queue=self._queue.name).set(lanes)

    async def _drain(self) -> None:
        """Let what is in hand finish; what will not is left to its lease, as interrupted."""
        self._stopping = True
        if self._slots:
            _, late = await asyncio.wait(self._slots, timeout=DRAIN_SECONDS)
            for slot in late:
                slot.cancel()
            await asyncio.gather(*late, return_exceptions=True)


def _wait(queue: Queue, attempts: int) -> timedelta:
    """Exponential back-off with jitter."""
    doubled: timedelta = queue.first_wait * 2 ** min(attempts, 20)
    return min(doubled, queue.longest_wait) * random.uniform(0.5, 1)
