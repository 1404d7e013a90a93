"""The consumer runtime: order per key, different keys at once, nothing lost at a rebalance."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import structlog

from common.bus.dispatch import Dispatcher
from common.bus.progress import Progress
from common.bus.records import Partition, Received, Source
from common.bus.source import DRAIN_SECONDS
from common.errors import Transient, Unavailable
from common.telemetry import child, metrics

log = structlog.get_logger()

BATCH = 1000
HIGH_RECORDS, LOW_RECORDS = 12_000, 3000
HIGH_BYTES, LOW_BYTES = 33_554_432, 8_388_608
WORKERS = 3
"""While one or two batches wait for Postgres the next is being prepared."""
ALONE_AT_ONCE = 8
_COMMIT_SECONDS = 0.5
_STALLED_SECONDS = 60
_BATCH_TRIES = 3


class Consumer:
    """One member of the service's consumer group."""

    def __init__(
        self, source: Source, dispatcher: Dispatcher[Any], *, name: str = "consumer"
    ) -> None:
        self.name = name
        self._source = source
        self._dispatcher = dispatcher
        self._partitions: dict[Partition, Progress] = {}
        self._held: dict[tuple[Partition, str], deque[Received]] = {}
        self._alone: dict[tuple[Partition, str], asyncio.Task[None]] = {}
        self._one_of_few = asyncio.Semaphore(ALONE_AT_ONCE)
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._paused = False
        self._beat = time.monotonic()
        self._started = False
        self._tasks: asyncio.TaskGroup | None = None

    def not_ready(self) -> str | None:
        """Ready once the group was joined."""
        return None if self._started else f"{self.name}: joining the consumer group"

    def stalled(self) -> str | None:
        """Stalled when the poll loop has not turned for a minute."""
        age = time.monotonic() - self._beat
        return f"{self.name}: no poll for {age:.0f} s" if age > _STALLED_SECONDS else None

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set, then finish what is in hand and commit it."""
        stopped = asyncio.ensure_future(stop.wait())
        starting = asyncio.ensure_future(self._source.start(self))
        await asyncio.wait({stopped, starting}, return_when=asyncio.FIRST_COMPLETED)
        try:
            if not starting.done():
                starting.cancel()
                await asyncio.gather(starting, return_exceptions=True)
                return
            starting.result()
            self._started = True
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                hands = [tasks.create_task(self._take_batches()) for _ in range(WORKERS)]
                hands.append(tasks.create_task(self._commit_often()))
                await self._poll_until(stop)
                await self.revoked(list(self._partitions))
                for hand in hands:
                    hand.cancel()
        finally:
            stopped.cancel()
            self._started = False
            await self._source.stop()

    async def assigned(self, partitions: Sequence[Partition]) -> None:
        """Begin with new partitions; the broker knows where they stand."""
        metrics.REBALANCES.inc()
        for partition in partitions:
            self._partitions[partition] = Progress(partition)
        self._paused = False
        log.info("consumer.assigned", partitions=len(partitions))

    async def revoked(self, partitions: Sequence[Partition]) -> None:
        """Finish what has begun, commit it, forget the rest: the next owner gets it."""
        leaving = [p for p in (self._partitions.get(p) for p in partitions) if p is not None]
        for progress in leaving:
            progress.revoke()
        for hold in [hold for hold in self._held if hold[0] in set(partitions)]:
            self._held[hold].clear()
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                while any(progress.busy for progress in leaving) or self._working_alone(leaving):
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            log.warning("consumer.drain_timed_out")
        await self._commit(leaving)
        for progress in leaving:
            self._partitions.pop(progress.partition, None)

    def _working_alone(self, leaving: Sequence[Progress]) -> bool:
        """Stop records that wait for a retry; say whether any is in mid-transaction."""
        mine = {progress.partition for progress in leaving}
        working = False
        for (partition, _), task in list(self._alone.items()):
            if partition in mine and not task.done():
                working = True
                task.cancel()
        return working

    async def _poll_until(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._beat = time.monotonic()
            try:
                received = await self._source.poll(0.1)
            except Unavailable as error:
                log.warning("consumer.poll_failed", error=str(error))
                await asyncio.sleep(0.5)
                continue
            if received:
                self._accept(received)
            self._regulate()

    def _accept(self, received: Sequence[Received]) -> None:
        lags: dict[Partition, int] = {}
        for record in received:
            progress = self._partitions.get(record.partition)
            if progress is not None and progress.accept(record):
                lags[record.partition] = record.lag
        for partition, lag in lags.items():
            metrics.CONSUMER_LAG.labels(topic=partition.topic, partition=partition.number).set(lag)
        self._work.set()

    def _regulate(self) -> None:
        """Pause above the high-water mark, resume below the low one."""
        records = sum(len(p.unfinished) for p in self._partitions.values())
        size = sum(p.bytes for p in self._partitions.values())
        if not self._paused and (records > HIGH_RECORDS or size > HIGH_BYTES):
            self._paused = True
            self._source.pause(list(self._partitions))
        elif self._paused and records < LOW_RECORDS and size < LOW_BYTES:
            self._paused = False
            self._source.resume(list(self._partitions))
        metrics.IN_FLIGHT.set(records)
        metrics.PAUSED_PARTITIONS.set(len(self._partitions) if self._paused else 0)

    async def _take_batches(self) -> None:
        while True:
            batch = self._next_batch()
            if not batch:
                self._work.clear()
                await self._work.wait()
                continue
            busy = {record.partition for record in batch}
            try:
                await self._handle(batch)
            finally:
                for partition in busy:
                    if (progress := self._partitions.get(partition)) is not None:
                        progress.busy = False
                self._idle.set()
                self._work.set()

    def _next_batch(self) -> list[Received]:
        batch: list[Received] = []
        for progress in self._partitions.values():
            if progress.busy or progress.revoked or not progress.pending:
                continue
            taken = progress.take(BATCH - len(batch))
            free = [r for r in taken if not self._put_behind_held(r)]
            if free:
                progress.busy = True
                batch.extend(free)
            if len(batch) >= BATCH:
                break
        return batch

    def _put_behind_held(self, record: Received) -> bool:
        waiting = self._held.get((record.partition, record.key))
        if waiting is None:
            return False
        waiting.append(record)
        return True

    async def _handle(self, batch: list[Received]) -> None:
        """Handle as one; a batch that fails is handled key by key."""
        for attempt in range(_BATCH_TRIES):
            try:
                await self._dispatcher.handle(batch)
            except Transient as error:
                log.warning("batch.retried", records=len(batch), error=str(error)[:300])
                if attempt + 1 < _BATCH_TRIES:
                    await asyncio.sleep(0.1 * 2**attempt)
            except Exception as error:  # noqa: BLE001 - one of them: find it one by one
                log.warning("batch.split", records=len(batch), error=repr(error)[:300])
                break
            else:
                self._finish(batch)
                return
        for record in batch:
            self._hold(record)

    def _hold(self, record: Received) -> None:
        hold = (record.partition, record.key)
        if self._put_behind_held(record):
            return
        progress = self._partitions.get(record.partition)
        if progress is None or progress.revoked or self._tasks is None:
            return
        self._held[hold] = deque([record])
        self._alone[hold] = self._tasks.create_task(self._work_alone(hold))

    async def _work_alone(self, hold: tuple[Partition, str]) -> None:
        """Handle the records of one key in order; only this key waits for its retries."""
        waiting = self._held[hold]
        try:
            while waiting:
                record = waiting[0]
                await self._dispatcher.handle_alone(record, self._one_of_few)
                if waiting:
                    waiting.popleft()
                self._finish([record])
        finally:
            self._held.pop(hold, None)
            self._alone.pop(hold, None)
            self._idle.set()
            self._work.set()

    def _finish(self, batch: Sequence[Received]) -> None:
        finished: dict[Partition, list[Received]] = {}
        for record in batch:
            finished.setdefault(record.partition, []).append(record)
        for partition, records in finished.items():
            if (progress := self._partitions.get(partition)) is not None:
                progress.finish(records)

    async def _commit_often(self) -> None:
        while True:
            await asyncio.sleep(_COMMIT_SECONDS)
            await self._commit(list(self._partitions.values()))
            self._measure_age()

    def _measure_age(self) -> None:
        now = time.time()
        for partition, progress in self._partitions.items():
            age = child(metrics.CONSUMER_LAG_AGE, partition.topic, str(partition.number))
            age.set(progress.oldest_age(now))

    async def _commit(self, of: Sequence[Progress]) -> None:
        offsets = {p.partition: p.watermark for p in of if p.watermark > p.committed}
        if not offsets:
            return
        try:
            await self._source.commit(offsets)
        except Unavailable as error:
            log.warning("consumer.commit_failed", error=str(error))
            return
        for progress in of:
            progress.committed = max(progress.committed, offsets.get(progress.partition, 0))
