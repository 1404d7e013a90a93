"""Publish the outbox, in order: one leader per service, woken the moment a row commits.

The leader holds an advisory lock on a connection of its own; if it dies, the lock goes with
the connection and another replica takes over. What it had published and not yet deleted is
published again: in the same order, with the same ids, so consumers drop it. A row that Kafka
will never take stops its key, not the table: later rows of that key would overtake it.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

import asyncpg
import structlog

from common.bus.records import Producer, Record
from common.db import BROKEN, STATEMENT_SECONDS, unpacked_headers
from common.errors import Permanent
from common.settings import ServiceSettings
from common.telemetry import metrics

log = structlog.get_logger()

BATCH = 1000
_CHANNEL = "parley_outbox"
_LOCK = 7_258_193_002
_POLL_SECONDS = 1.0
_NEWS_SECONDS = 0.1
_FEW = 50
"""Up to so many published rows the next look may skip; more are better gone before it."""
_RETRY_SECONDS = 0.5
_STALLED_SECONDS = 120

_NEXT = """
    with gone as (delete from outbox where seq = any($1::bigint[]))
    select seq, topic, key, value, headers, created_at from outbox
    where failed_at is null
      and not exists (select 1 from unnest($1::bigint[]) as p(seq) where p.seq = outbox.seq)
      and not exists (select 1 from unnest($2::text[], $3::text[]) as b(topic, key)
                      where b.topic = outbox.topic and b.key = outbox.key)
    order by seq limit $4"""
_FORGET = "delete from outbox where seq = any($1::bigint[])"
_BLOCKED = "select distinct topic, key from outbox where failed_at is not null"
_DEPTH = """
    select count(*), coalesce(extract(epoch from now() - min(created_at)), 0)::float8
    from (select created_at from outbox limit 100000) as rows"""
_FAIL = "update outbox set failed_at = now(), error = $2 where seq = $1"


class Relay:
    """Publishes one service's outbox while it leads, and otherwise waits to."""

    def __init__(
        self,
        url: str,
        producer: Producer,
        *,
        lead: bool = True,
        statement_seconds: float = STATEMENT_SECONDS,
    ) -> None:
        self.name = "relay"
        self._statement_seconds = statement_seconds
        self._url = url.replace("postgresql+asyncpg://", "postgresql://")
        self._producer = producer
        self._may_lead = lead
        self._wake = asyncio.Event()
        self._nudged = False
        self._beat = time.monotonic()
        self.leads = False
        """Whether it publishes, rather than wait to."""

    @classmethod
    def of(cls, settings: ServiceSettings, producer: Producer, *, lead: bool) -> Self:
        """Make the relay that a service's settings name."""
        seconds = settings.statement_seconds
        return cls(settings.sqlalchemy_url, producer, lead=lead, statement_seconds=seconds)

    def nudge(self) -> None:
        """Say that rows were committed: publish them now, or tell the leader to."""
        # The session does it: a connection is for one at a time.
        self._nudged = True
        self._wake.set()

    def not_ready(self) -> str | None:
        """A relay never keeps a process from serving: rows wait in the table."""
        return None

    def stalled(self) -> str | None:
        """Stalled when its loop has not turned for two minutes."""
        age = time.monotonic() - self._beat
        return f"{self.name}: no turn for {age:.0f} s" if age > _STALLED_SECONDS else None

    async def run(self, stop: asyncio.Event) -> None:
        """Lead or wait to lead until `stop` is set; then publish what is committed, and end."""
        while not stop.is_set():
            self._beat = time.monotonic()
            try:
                await self._session(stop)
            except BROKEN as error:
                log.warning("relay.interrupted", error=type(error).__name__)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), 0.5)

    async def _session(self, stop: asyncio.Event) -> None:
        connection = await asyncpg.connect(
            self._url,
            timeout=5,
            command_timeout=self._statement_seconds,
            # What a crash of Postgres brings back was published: it is published again.
            server_settings={"synchronous_commit": "off"},
        )
        try:
            await connection.add_listener(_CHANNEL, lambda *_: self._wake.set())
            while not stop.is_set():
                self._beat = time.monotonic()
                if self._may_lead and await connection.fetchval(
                    "select pg_try_advisory_lock($1)", _LOCK
                ):
                    self.leads = True
                    await self._lead(connection, stop)
                else:
                    await self._follow(connection, stop)
        finally:
            self.leads = False
            connection.terminate()

    async def _follow(self, connection: asyncpg.Connection, stop: asyncio.Event) -> None:
        """Pass nudges on to the leader, until it is time to see whether there still is one."""
        until = time.monotonic() + _POLL_SECONDS
        while not stop.is_set() and (left := until - time.monotonic()) > 0:
            self._wake.clear()
            if self._nudged:
                self._nudged = False
                await connection.execute("select pg_notify($1, '')", _CHANNEL)
            else:
                await self._pause(stop, seconds=left)

    async def _lead(self, connection: asyncpg.Connection, stop: asyncio.Event) -> None:
        blocked = {(r["topic"], r["key"]) for r in await connection.fetch(_BLOCKED)}
        published: list[int] = []
        measured = 0.0
        while True:
            self._beat = time.monotonic()
            self._wake.clear()
            rows = await connection.fetch(
                _NEXT,
                published,
                [topic for topic, _ in blocked],
                [key for _, key in blocked],
                BATCH,
            )
            published = await self._publish(connection, rows, blocked) if rows else []
            if time.monotonic() - measured > _POLL_SECONDS:
                measured = time.monotonic()
                await self._measure(connection)
            complete = len(published) == len(rows)
            few = len(rows) < _FEW
            if complete and few:
                await self._pause(stop, seconds=_NEWS_SECONDS if published else _POLL_SECONDS)
            if complete and few and self._wake.is_set() and not stop.is_set():
                continue  # what was published is forgotten with the next look: one way for both
            if published:
                await connection.execute(_FORGET, published)
                published = []
            if stop.is_set():
                return
            if not complete:
                await self._pause(stop, seconds=_RETRY_SECONDS)

    async def _publish(
        self,
        connection: asyncpg.Connection,
        rows: Sequence[asyncpg.Record],
        blocked: set[tuple[str, str]],
    ) -> list[int]:
        """Publish rows in order; returns those that Kafka has, the others are tried again."""
        records = [
            Record(row["topic"], row["key"], row["value"], unpacked_headers(row["headers"]))
            for row in rows
        ]
        outcomes = await self._producer.publish_all(records)
        for row, error in zip(rows, outcomes, strict=True):
            if isinstance(error, Permanent):
                blocked.add((row["topic"], row["key"]))
                await connection.execute(_FAIL, row["seq"], str(error))
                log.error("outbox.key_stopped", seq=row["seq"], topic=row["topic"])
        return [row["seq"] for row, error in zip(rows, outcomes, strict=True) if error is None]

    async def _measure(self, connection: asyncpg.Connection) -> None:
        pending, age = await connection.fetchrow(_DEPTH)
        metrics.OUTBOX_PENDING.set(pending)
        metrics.OUTBOX_OLDEST_SECONDS.set(age)

    async def _pause(self, stop: asyncio.Event, *, seconds: float = _POLL_SECONDS) -> None:
        """Wait for a nudge, a notification, the stop, or the poll interval."""
        if stop.is_set():
            return
        stopping = asyncio.ensure_future(stop.wait())
        waking = asyncio.ensure_future(self._wake.wait())
        _, waiting = await asyncio.wait(
            {stopping, waking}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        for task in waiting:
            task.cancel()
