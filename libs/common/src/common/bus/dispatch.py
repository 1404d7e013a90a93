"""Turn fetched records into effects: one transaction a batch, one by one when that fails.

Every record ends in exactly one of three ways: its effect is committed, it is in the dead
letters with a reason (also committed, through the outbox), or it is none of ours.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Generic

import structlog
from prometheus_client import Histogram

from common.bus.dead_letters import dead_letter
from common.bus.records import Partition, Received
from common.bus.router import C, Delivery, Router, waves
from common.contracts.cloudevents import attributes, decode
from common.contracts.event import utc_now
from common.contracts.trace import current_traceparent
from common.errors import Malformed, ParleyError, Permanent, Transient
from common.telemetry import child, metrics

log = structlog.get_logger()

BUG_ATTEMPTS = 3
"""How often an error that is none of ours is tried before the dead letters."""
SUSPICIOUS_RUN = 20
"""So many bugs without one success between them are an outage, not poison: stop, keep all."""
_LONGEST_WAIT = 30.0
_DEAD = "dead_lettered"


@dataclass(slots=True)
class _Opened:
    """A batch after reading: what to handle, and what can never be read."""

    deliveries: list[Delivery]
    unreadable: list[tuple[Received, ParleyError]]


Place = tuple[Partition, int]
Values = Mapping[Place, bytes]
"""Values of records by where they lie. The records stay as they travelled: so they are buried."""


def place_of(record: Received) -> Place:
    """Say where a record lies."""
    return record.partition, record.offset


class Dispatcher(Generic[C]):
    """Handles the records of one service."""

    def __init__(
        self,
        service: str,
        router: Router[C],
        open_context: Callable[[], AbstractAsyncContextManager[C]],
    ) -> None:
        self._service = service
        self._router = router
        self._open_context = open_context
        self._bugs_in_a_row = 0

    async def handle(self, records: Sequence[Received]) -> None:
        """Handle a batch in one transaction.

        Raises:
            Exception: whatever a handler or the database raised; nothing was committed.
        """
        opened = self._read(records, await self._values(records))
        if not opened.deliveries and not opened.unreadable:
            return
        began = time.perf_counter()
        async with self._open_context() as context:
            fresh = await self._admit(opened.deliveries, context)
            for record, error in opened.unreadable:
                self._reject(context, record, error, attempt=1)
            rejected: set[str] = set()
            for wave in waves(fresh):
                rejected |= await self._handle_wave(wave, context)
        self._bugs_in_a_row = 0
        self._measure(fresh, rejected, time.perf_counter() - began)

    async def handle_alone(self, record: Received, gate: asyncio.Semaphore) -> None:
        """Handle one record until it has ended, however long an outage lasts.

        The gate bounds how many work at once; a record that waits for its retry is outside.
        """
        attempt = 0
        ended = False
        while not ended:
            attempt += 1
            began = time.perf_counter()
            try:
                async with gate:
                    began = time.perf_counter()
                    await self.handle([record])
            except Exception as error:  # noqa: BLE001 - sorted in `_after`: wait, or bury
                seconds = time.perf_counter() - began
                ended = await self._after(record, error, attempt)
                name = self._router.name_of(attributes(record.headers).get("ce_type"))
                _observe(name, _DEAD if ended else "retried", seconds)
            else:
                ended = True

    async def _after(self, record: Received, error: Exception, attempt: int) -> bool:
        """Decide after a failure: poison is buried, an outage waits, a bug is tried a little."""
        if isinstance(error, Permanent):
            return await self._bury(record, error, attempt)
        is_bug = not isinstance(error, Transient)
        if is_bug and attempt >= BUG_ATTEMPTS and self._bugs_in_a_row < SUSPICIOUS_RUN:
            self._bugs_in_a_row += 1
            return await self._bury(record, error, attempt)
        await self._wait(record, error, attempt)
        return False

    async def _values(self, records: Sequence[Received]) -> Values:  # noqa: ARG002 - for who overrides it
        """Fetch what stands elsewhere and only its place in the record; here, nothing does."""
        return {}

    def _read(self, records: Sequence[Received], values: Values) -> _Opened:
        opened = _Opened([], [])
        for record in records:
            headers = attributes(record.headers)
            if not self._router.wants(headers.get("ce_type")):
                continue
            value = values.get(place_of(record), record.value) if values else record.value
            try:
                opened.deliveries.append(Delivery(record, decode(headers, value)))
            except Malformed as error:
                opened.unreadable.append((record, error))
        return opened

    async def _admit(self, deliveries: list[Delivery], context: C) -> list[Delivery]:
        if not deliveries:
            return []
        unseen = await context.inbox.admit([d.envelope.id for d in deliveries])
        fresh: list[Delivery] = []
        for delivery in deliveries:
            if delivery.envelope.id in unseen:
                unseen.discard(delivery.envelope.id)
                fresh.append(delivery)
        if len(fresh) < len(deliveries):
            metrics.INBOX_DUPLICATES.inc(len(deliveries) - len(fresh))
        return fresh

    async def _handle_wave(self, wave: list[Delivery], context: C) -> set[str]:
        trace = current_traceparent.set(wave[0].envelope.traceparent)
        try:
            rejected = await self._router.handle([d.envelope for d in wave], context)
        finally:
            current_traceparent.reset(trace)
        if rejected:
            records: dict[str, Received] = {d.envelope.id: d.record for d in wave}
            for rejection in rejected:
                self._reject(context, records[rejection.event_id], rejection.error, attempt=1)
        return {rejection.event_id for rejection in rejected}

    def _reject(self, context: C, record: Received, error: Exception, *, attempt: int) -> None:
        context.outbox.add_row(dead_letter(self._service, record, error, attempt))
        reason = error.code if isinstance(error, ParleyError) else type(error).__name__
        metrics.DEAD_LETTERS.labels(topic=record.partition.topic, reason=reason).inc()
        log.error(
            "message.dead_lettered",
            topic=record.partition.topic,
            partition=record.partition.number,
            offset=record.offset,
            reason=reason,
            detail=str(error)[:300],
        )

    async def _bury(self, record: Received, error: Exception, attempt: int) -> bool:
        """Write one record to the dead letters; False when even that must wait.

        What the inbox cannot take either is written without it: twice among the dead letters
        is better than a worker that dies of it, and again of it after every restart.
        """
        for once in (True, False):
            try:
                await self._write_dead(record, error, attempt, once=once)
            except Transient as outage:
                await self._wait(record, outage, attempt)
                return False
            except Exception:
                log.exception("message.not_buried", topic=record.partition.topic, once=once)
            else:
                return True
        await self._wait(record, error, attempt)
        return False

    async def _write_dead(
        self, record: Received, error: Exception, attempt: int, *, once: bool
    ) -> None:
        async with self._open_context() as context:
            envelope_id = attributes(record.headers).get("ce_id") if once else None
            if envelope_id is None or await context.inbox.admit([envelope_id]):
                self._reject(context, record, error, attempt=attempt)

    async def _wait(self, record: Received, error: Exception, attempt: int) -> None:
        """Back off with full jitter, or as long as the other side asked for."""
        wait = min(_LONGEST_WAIT, 0.2 * 2 ** min(attempt, 10)) * random.uniform(0.5, 1)
        if isinstance(error, Transient) and error.retry_after is not None:
            wait = min(_LONGEST_WAIT, error.retry_after.total_seconds())
        log.warning(
            "message.retried",
            topic=record.partition.topic,
            offset=record.offset,
            attempt=attempt,
            wait_s=round(wait, 2),
            error=f"{type(error).__name__}: {error}"[:300],
        )
        await asyncio.sleep(wait)

    def _measure(self, deliveries: Sequence[Delivery], rejected: set[str], seconds: float) -> None:
        now = utc_now()
        ages: dict[str, Histogram] = {}
        ended: set[tuple[str, str]] = set()
        for record, envelope in deliveries:
            topic = record.partition.topic
            age = ages.get(topic) or ages.setdefault(topic, child(metrics.END_TO_END, topic))
            age.observe(max(0.0, (now - envelope.time).total_seconds()))
            ended.add((envelope.event.type, _DEAD if envelope.id in rejected else "done"))
        for type_, outcome in ended:
            _observe(self._router.name_of(type_), outcome, seconds)


def _observe(handler: str | None, outcome: str, seconds: float) -> None:
    # What cannot be read has no handler; the dead letters are counted by reason.
    if handler is not None:
        child(metrics.HANDLER_SECONDS, handler, outcome).observe(seconds)
