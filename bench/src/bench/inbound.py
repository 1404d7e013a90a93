"""`inbound_vs_raw`: one whatsapp worker from webhook topic to republished, against a raw loop.

Both read the same topic, filled once. The raw loop does no work: it takes what was fetched,
writes it with one multi-row insert of the same row width, publishes it pipelined, and commits.
"""

import asyncio
import time
from typing import Any

import asyncpg
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.bodies import text_body
from bench.ground import Ground
from bench.machine import usage
from common.bus import KafkaBus, KafkaProducer, Record
from common.contracts import Topic, new_id, utc_now, uuid7
from common.contracts.cloudevents import raw_headers

NUMBERS = 12
CHATS = 200
_ROW_BYTES = 600
_INTEGRATION = """
    insert into integration (id, tenant_id, agent_id, channel, instance, created, state)
    select i, 'ten_bench', 'agt_' || n, 'evolution', 'bench-' || n, true, 'open'
    from unnest($1::text[]) with ordinality as t(i, n)"""


async def measure(ground: Ground, *, messages: int) -> dict[str, Any]:
    """Fill the topic, let the worker drain it, then the raw loop."""
    await ground.migrate("whatsapp")
    url = ground.database("whatsapp")
    connection = await asyncpg.connect(url)
    integrations = [new_id("int") for _ in range(NUMBERS)]
    await connection.execute(_INTEGRATION, integrations)
    await _fill(ground, messages)
    ours, worker = await _worker(ground, connection, messages)
    raw = await _raw(ground, url, messages)
    await connection.close()
    return {"ratio": ours / raw, "messages_per_s": ours, "raw_per_s": raw, **worker}


async def _fill(ground: Ground, messages: int) -> None:
    now = int(time.time())
    async with KafkaBus(ground.bootstrap).producer() as producer:
        for start in range(0, messages, 1000):
            batch = [_record(n, now) for n in range(start, min(start + 1000, messages))]
            outcomes = await producer.publish_all(batch)
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
    return Record(Topic.EVOLUTION_WEBHOOKS, instance, orjson.dumps(value), headers)


async def _worker(
    ground: Ground, connection: "asyncpg.Connection", messages: int
) -> tuple[float, dict[str, Any]]:
    """Start the worker and time it from its first stored message to its last published one."""
    child = await ground.start("whatsapp", "worker")
    began, first = 0.0, 0
    async with asyncio.timeout(300):
        while True:
            child.require_alive()
            stored = await connection.fetchval("select count(*) from whatsapp_message")
            if stored and not began:
                began, first = time.perf_counter(), stored
            if stored == messages:
                waiting = await connection.fetchval("select exists(select 1 from outbox)")
                if not waiting:
                    break
            await asyncio.sleep(0.05)
    seconds = time.perf_counter() - began
    used = usage(child.process.pid)
    child.stop(30)
    return (messages - first) / seconds, {
        "cpu_us_per_message": used.cpu_seconds / messages * 1e6,
        "peak_mib": used.peak_mib,
    }


async def _raw(ground: Ground, url: str, messages: int) -> float:
    connection = await asyncpg.connect(url)
    await connection.execute("create table raw_message (id text primary key, payload bytea)")
    producer = AIOKafkaProducer(**KafkaProducer(ground.bootstrap, client_id="raw").options)
    consumer = AIOKafkaConsumer(
        Topic.EVOLUTION_WEBHOOKS,
        bootstrap_servers=ground.bootstrap,
        group_id="raw",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
    )
    await producer.start()
    await consumer.start()
    done, began = 0, 0.0
    try:
        async with asyncio.timeout(300):
            while done < messages:
                fetched = await consumer.getmany(timeout_ms=100)
                records = [record for some in fetched.values() for record in some]
                if records:
                    began = began or time.perf_counter()
                    await _pass_on(connection, producer, records)
                    await consumer.commit()
                    done += len(records)
        return done / (time.perf_counter() - began)
    finally:
        await consumer.stop()
        await producer.stop()
        await connection.close()


async def _pass_on(
    connection: "asyncpg.Connection", producer: AIOKafkaProducer, records: list[Any]
) -> None:
    """One multi-row insert, then everything sent pipelined."""
    await connection.execute(
        "insert into raw_message select * from unnest($1::text[], $2::bytea[])",
        [f"{r.partition}-{r.offset}" for r in records],
        [r.value[:_ROW_BYTES] for r in records],
    )
    sent = [
        await producer.send(Topic.OAUTH_CALLBACKS, r.value[:_ROW_BYTES], key=r.key) for r in records
    ]
    await asyncio.gather(*sent)
