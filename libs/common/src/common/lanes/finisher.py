"""Finish many jobs with one statement: what is done while one commits, goes with the next."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from common.db import Database, Gatherer
from common.errors import Transient
from common.lanes.jobs import Job, Queue
from common.lanes.store import finish

log = structlog.get_logger()

_RETRY_SECONDS = 0.2
_Ended = tuple[Job, bool]


class Finisher:
    """Gathers finished jobs of one worker."""

    def __init__(self, database: Database, queue: Queue, on_yield: Callable[[], None]) -> None:
        self._database = database
        self._queue = queue
        self._on_yield = on_yield
        self._ended: Gatherer[_Ended, Job | None] = Gatherer(self._write)

    async def finish(self, job: Job, *, more: bool) -> Job | None:
        """Take a job off its lane; returns the lane's next when `more` and it is due."""
        following = await self._ended.ask((job, more))
        if not more:
            self._on_yield()
        return following

    async def _write(self, batch: Sequence[_Ended]) -> Sequence[Job | None]:
        """Write through an outage for as long as the leases hold."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._queue.lease.total_seconds() / 2
        while True:
            try:
                following = await finish(self._database, self._queue, batch)
                break
            except Transient as error:
                log.warning("lane.finish_retried", jobs=len(batch), error=str(error))
                if loop.time() > until:
                    raise
                await asyncio.sleep(_RETRY_SECONDS)
        for job, _ in batch:
            if job.key not in following:
                log.warning("lane.lease_lost", queue=self._queue.name, seq=job.seq)
        return [following.get(job.key) for job, _ in batch]
