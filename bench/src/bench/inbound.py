"""`inbound_vs_raw`: one whatsapp worker from webhook topic to republished, against a raw loop.

Two processes stand on the same topics, and one of them is frozen while the other drains what was
put there. They take turns, and the ratio is the median of the turns': this machine's speed changes
by half from one minute to the next. Each is timed from the moment it is let go until everything is
published, from outside, by the end of the topic that both write to.
"""

import asyncio
import signal
import statistics
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import asyncpg
import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.bodies import text_body
from bench.ground import Ground
from bench.machine import usage
from bench.raw_inbound import PATIENCE_SECONDS, READS, WRITES, Widths
from common.bus import KafkaBus, Record
from common.contracts import new_id, utc_now, uuid7
from common.contracts.cloudevents import raw_headers
from devstack.children import Child, Command
from devstack.polling import until
from devstack.supervisor import Tier

NUMBERS = 12
CHATS = 200
ROUNDS = 5
_LOOK_SECONDS = 0.02
_COMMITTED_SECONDS = 0.6
"""After so long the worker has committed its offsets, which it does twice a second."""
_INTEGRATION = """
    insert into integration (id, tenant_id, agent_id, channel, instance, created, state)
    select i, 'ten_bench', 'agt_' || n, 'evolution', 'bench-' || n, true, 'open'
    from unnest($1::text[]) with ordinality as t(i, n)"""
_ROW = """
    select (select avg(pg_column_size(m.*)) from whatsapp_message m)
         + (select avg(pg_column_size(i.*)) from inbox i)"""


class Site(NamedTuple):
    """Where both are measured."""

    ground: Ground
    connection: "asyncpg.Connection"
    reader: AIOKafkaConsumer

    async def published(self) -> int:
        """How many records there are on the topic that both write to."""
        every = [TopicPartition(WRITES, n) for n in self.reader.partitions_for_topic(WRITES)]
        return sum((await self.reader.end_offsets(every)).values())


class Turn(NamedTuple):
    """What one of the two did with what was put on the topic."""

    per_second: float
    cpu_us: float
    """Of the process itself, per message."""


async def measure(ground: Ground, *, messages: int) -> dict[str, Any]:
    """Let the worker and the raw loop drain the same messages, in turns."""
    await ground.migrate("whatsapp")
    ground.extra["KAFKA_SESSION_SECONDS"] = str(PATIENCE_SECONDS)
    async with _site(ground) as site:
        await site.connection.execute(_INTEGRATION, [new_id("int") for _ in range(NUMBERS)])
        share = messages // ROUNDS
        await fill(ground, share)
        worker = await ground.start("whatsapp", "worker")
        await _until_published(site, worker, 0, share)
        await _freeze(site, worker)
        raw = await _start_raw(site, await _widths(site))
        await _until_published(site, raw, share, share)
        _signal(raw, signal.SIGSTOP)
        turns = [await _round(site, worker, raw, n, share) for n in range(1, ROUNDS + 1)]
        await _require_all_stored(site, (ROUNDS + 1) * share)
        peak = usage(worker.process.pid).peak_mib
        for child in (worker, raw):
            _signal(child, signal.SIGCONT)
            child.stop(30)
    return _facts(turns, peak)


def _facts(turns: list[tuple[Turn, Turn]], peak: float) -> dict[str, Any]:
    ratios = [ours.per_second / raw.per_second for ours, raw in turns]
    return {
        "ratio": statistics.median(ratios),
        "lowest_ratio": min(ratios),
        "highest_ratio": max(ratios),
        "messages_per_s": statistics.median(ours.per_second for ours, _ in turns),
        "raw_per_s": statistics.median(raw.per_second for _, raw in turns),
        "cpu_us_per_message": statistics.median(ours.cpu_us for ours, _ in turns),
        "raw_cpu_us_per_message": statistics.median(raw.cpu_us for _, raw in turns),
        "peak_mib": peak,
    }


async def _round(
    site: Site, worker: Child, raw: Child, number: int, messages: int
) -> tuple[Turn, Turn]:
    """Put messages on the topic and let both drain them; who is first changes."""
    await fill(site.ground, messages, start=number * messages)
    if number % 2:
        ours = await _turn(site, worker, messages)
        theirs = await _turn(site, raw, messages)
    else:
        theirs = await _turn(site, raw, messages)
        ours = await _turn(site, worker, messages)
    return ours, theirs


async def _turn(site: Site, child: Child, messages: int) -> Turn:
    before = await site.published()
    used, began = usage(child.process.pid).cpu_seconds, time.perf_counter()
    _signal(child, signal.SIGCONT)
    await _until_published(site, child, before, messages)
    seconds = time.perf_counter() - began
    await _freeze(site, child)
    used = usage(child.process.pid).cpu_seconds - used
    return Turn(messages / seconds, used / messages * 1e6)


async def _until_published(site: Site, child: Child, before: int, messages: int) -> None:
    async with asyncio.timeout(120):
        while (found := await site.published() - before) < messages:
            child.require_alive()
            await asyncio.sleep(_LOOK_SECONDS)
    if found > messages:
        raise RuntimeError(f"{child.name} published {found} of {messages} messages")


async def _freeze(site: Site, child: Child) -> None:
    """Stop a process when it has tidied up: no outbox row is left, offsets are committed."""

    async def published() -> bool:
        return not await site.connection.fetchval("select exists(select 1 from outbox)")

    async with asyncio.timeout(30):
        await until(published)
    await asyncio.sleep(_COMMITTED_SECONDS)
    _signal(child, signal.SIGSTOP)


def _signal(child: Child, number: signal.Signals) -> None:
    child.require_alive()
    child.process.send_signal(number)


async def _require_all_stored(site: Site, messages: int) -> None:
    for table in ("whatsapp_message", "inbox", "raw_message"):
        found = await site.connection.fetchval(f"select count(*) from {table}")  # noqa: S608 - ours
        if found != messages:
            raise RuntimeError(f"{table} holds {found} of {messages} messages")


@asynccontextmanager
async def _site(ground: Ground) -> AsyncGenerator[Site]:
    connection = await asyncpg.connect(ground.database("whatsapp"))
    reader = AIOKafkaConsumer(WRITES, bootstrap_servers=ground.bootstrap)
    await reader.start()
    try:
        yield Site(ground, connection, reader)
    finally:
        await reader.stop()
        await connection.close()


async def _widths(site: Site) -> Widths:
    """Look at what the worker has stored and published."""
    row = await site.connection.fetchval(_ROW)
    sample = AIOKafkaConsumer(
        WRITES, bootstrap_servers=site.ground.bootstrap, auto_offset_reset="earliest"
    )
    await sample.start()
    try:
        record = await sample.getone()
    finally:
        await sample.stop()
    return Widths(int(row), len(record.value), list(record.headers))


async def _start_raw(site: Site, widths: Widths) -> Child:
    ground = site.ground
    argv = [ground.bootstrap, ground.database("whatsapp"), widths.written()]
    command = Command(
        "raw",
        [sys.executable, "-m", "bench.raw_inbound", *argv],
        ground.folder / "logs" / "raw.log",
    )
    return ground.supervisor.launch(command, Tier.SERVICES, may_end=True)


async def fill(ground: Ground, messages: int, *, start: int = 0) -> None:
    """Put messages on the topic, numbered from `start`."""
    now = int(time.time())
    async with KafkaBus(ground.bootstrap).producer() as producer:
        for first in range(start, start + messages, 1000):
            numbers = range(first, min(first + 1000, start + messages))
            outcomes = await producer.publish_all([_record(n, now) for n in numbers])
            if any(outcomes):
                raise RuntimeError(f"the topic could not be filled: {outcomes}")


def _record(n: int, now: int) -> Record:
    instance = f"bench-{n % NUMBERS + 1}"
    phone = f"55119{n % CHATS:08d}"
    body = text_body(instance, phone=phone, message_id=f"3A{n:018X}", text=f"message {n}", at=now)
    body.pop("apikey")
    value = {"instance": instance, "body": body}
    headers = raw_headers(
        type_="gateway.evolution_webhook.received",
        id_=uuid7(),
        source="parley/gateway",
        tenant="",
        time=utc_now(),
        traceparent=None,
    )
    return Record(READS, instance, orjson.dumps(value), headers)
