"""The clock and the lanes that look after numbers and their files."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson

from common.contracts import ConnectionState, IntegrationId, MessageId
from common.db import Database
from common.errors import Permanent, Transient, Unavailable
from common.lanes import DONE, Done, Job, LaneWorker, WhenParked
from common.telemetry import get_logger, metrics
from whatsapp_service.domain.model import Integration
from whatsapp_service.domain.ports import Context
from whatsapp_service.domain.ports.care import Errand, Sweep
from whatsapp_service.domain.usecases import media
from whatsapp_service.domain.usecases.errands import Errands
from whatsapp_service.domain.usecases.media import FileKeeper
from whatsapp_service.domain.usecases.repair import Repair
from whatsapp_service.domain.usecases.watch import Watch
from whatsapp_service.jobs import JobLease
from whatsapp_service.repository import CARE, MEDIA, forget_lane

log = get_logger()

_BATCH = 100
_IDLE_SECONDS = 1.0
_CENSUS_SECONDS = 15.0
_STALLED_SECONDS = 120
_FOR_A_PERSON = timedelta(seconds=60)
"""How long an errand waits when only a person can help (a key, a licence)."""


def running_errands(
    database: Database, errands: Errands, repair: Repair, *, concurrency: int
) -> LaneWorker:
    """Make the worker that does what was asked for a number, in the order it was asked."""

    async def run(job: Job) -> Done:
        errand, _, cause = job.payload.decode().partition(":")
        number = IntegrationId(job.key.partition(":")[2])
        lease = JobLease(CARE, job)
        try:
            match Errand(errand):
                case Errand.ROTATE:
                    await errands.rotate(number, timedelta(seconds=float(cause)), lease)
                case Errand.DELETE:
                    await errands.delete(number, lease)
                case Errand.DISCARD:
                    await errands.discard(number, lease)
                case Errand.REPAIR:
                    _count(await repair.sweep(number, cause, lease))
        except Permanent as error:
            raise Unavailable(
                f"{error.code}: {error} {error.hint}", retry_after=_FOR_A_PERSON
            ) from error
        return DONE

    return LaneWorker(database, CARE, run, concurrency=concurrency)


def _count(sweep: Sweep | None) -> None:
    if sweep is None:
        return
    metrics.COMPARED.labels("checked").inc(sweep.checked)
    metrics.COMPARED.labels("missing").inc(sweep.missing)
    metrics.COMPARED.labels("repaired").inc(sweep.repaired)
    log.info(
        "number.compared",
        integration=sweep.integration_id,
        cause=sweep.cause,
        checked=sweep.checked,
        missing=sweep.missing,
        repaired=sweep.repaired,
        levels=sweep.levels,
    )


@dataclass(frozen=True)
class FileLease(JobLease):
    """Our hold on a file's lane, which ends with it."""

    async def finish(self, context: Context) -> None:
        """Take the file's job off its lane, and the lane away."""
        await super().finish(context)
        await forget_lane(context.connection, self.job.key)


def keeping_files(
    database: Database, keeper: FileKeeper, when_parked: WhenParked, *, concurrency: int
) -> LaneWorker:
    """Make the worker that fetches, stores and deletes files."""

    async def keep(job: Job) -> Done:
        lease, what = FileLease(MEDIA, job), orjson.loads(job.payload)
        if "discard" in what:
            await keeper.discard(what["discard"], lease)
            return DONE
        kept = await keeper.keep(_file_errand(what), lease)
        if kept is not None:
            metrics.FILES.labels(kept).inc()
        return DONE

    return LaneWorker(database, MEDIA, keep, concurrency=concurrency, when_parked=when_parked)


def _file_errand(what: dict[str, Any]) -> media.Errand:
    return media.Errand(
        IntegrationId(what["integration"]),
        MessageId(what["message"]),
        inline=what.get("inline"),
        parked=what.get("parked"),
    )


class Rounds:
    """Checks numbers when their time has come; every worker does its share."""

    def __init__(self, watch: Watch, *, concurrency: int = 16) -> None:
        self.name = "rounds"
        self._watch = watch
        self._few = asyncio.Semaphore(concurrency)
        self._beat = time.monotonic()
        self._counted = 0.0

    def not_ready(self) -> str | None:
        """Always ready: a check that is late is only late."""
        return None

    def stalled(self) -> str | None:
        """Stalled when its loop has not turned for two minutes."""
        age = time.monotonic() - self._beat
        return f"{self.name}: no turn for {age:.0f} s" if age > _STALLED_SECONDS else None

    async def run(self, stop: asyncio.Event) -> None:
        """Check until `stop` is set."""
        begun = False
        while not stop.is_set():
            self._beat = time.monotonic()
            try:
                if not begun:
                    await self._watch.begin()
                    begun = True
                due = await self._watch.due(_BATCH)
                async with asyncio.TaskGroup() as tasks:
                    for number in due:
                        tasks.create_task(self._check(number))
                await self._count()
            except Transient as error:
                log.warning("rounds.interrupted", error=str(error))
                due = []
            if len(due) < _BATCH:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _IDLE_SECONDS)

    async def _check(self, number: Integration) -> None:
        async with self._few:
            try:
                await self._watch.check(number)
            except Exception as error:  # noqa: BLE001 - one number's trouble is not the others'
                log.warning("number.check_failed", integration=number.id, error=repr(error)[:300])

    async def _count(self) -> None:
        if time.monotonic() - self._counted < _CENSUS_SECONDS:
            return
        self._counted = time.monotonic()
        census = await self._watch.census()
        for state in ConnectionState:
            metrics.NUMBERS.labels(state).set(census.get(state, 0))
