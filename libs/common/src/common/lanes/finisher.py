"""Finish many jobs with one statement: what is done while one commits, goes with the next."""

import asyncio
from collections.abc import Callable

import structlog

from common.db import Database
from common.errors import Transient
from common.lanes.jobs import Job, Queue
from common.lanes.store import finish

log = structlog.get_logger()

_Waiting = tuple[Job, bool, "asyncio.Future[Job | None]"]


class Finisher:
    """Gathers finished jobs of one worker."""

    def __init__(self, database: Database, queue: Queue, on_yield: Callable[[], None]) -> None:
        self._database = database
        self._queue = queue
        self._on_yield = on_yield
        self._waiting: list[_Waiting] = []
        self._flushing: asyncio.Task[None] | None = None

    async def finish(self, job: Job, *, more: bool) -> Job | None:
        """Take a job off its lane; returns the lane's next when `more` and it is due."""
        future: asyncio.Future[Job | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, more, future))
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().create_task(self._flush())
        return await future

    async def _flush(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                try:
                    await self._write(batch)
                except Exception as error:  # noqa: BLE001 - each waiter gets it, none hangs
                    for _, _, future in batch:
                        if not future.done():
                            future.set_exception(error)
        finally:
            self._flushing = None

    async def _write(self, batch: list[_Waiting]) -> None:
        """Write through an outage for as long as the leases hold."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._queue.lease.total_seconds() / 2
        while True:
            try:
                following = await finish(
                    self._database, self._queue, [(job, more) for job, more, _ in batch]
                )
                break
            except Transient as error:
                log.warning("lane.finish_retried", jobs=len(batch), error=str(error))
                if loop.time() > until:
                    raise
                await asyncio.sleep(0.2)
        for job, more, future in batch:
            if job.key not in following:
                log.warning("lane.lease_lost", queue=self._queue.name, seq=job.seq)
            if not future.done():
                future.set_result(following.get(job.key))
            if not more:
                self._on_yield()
