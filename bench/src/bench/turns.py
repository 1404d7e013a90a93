"""`turns_per_s`: turns one agent worker answers in a second, against what its places allow.

The model answers in 200 ms, so a worker with 64 places can do 320 turns a second and no more. Two
hundred customers each write again as soon as they are answered; the worker listens, asks the model
over HTTP, and publishes what is to be sent.
"""

import time
from typing import Any

import asyncpg
import httpx2
import orjson
from aiokafka import AIOKafkaConsumer

from bench.ground import Ground
from bench.machine import usage
from common.bus import KafkaBus, Producer, Record
from common.contracts import Topic, new_id, utc_now, uuid7
from common.contracts.cloudevents import raw_headers

CONVERSATIONS = 200
MODEL_SECONDS = 0.2
PLACES = 64
_WARM_UP_SECONDS = 3.0
_TENANT, _AGENT, _NUMBER = "ten_bench", "agt_bench", "int_bench"
_SETTINGS = {"quiet_seconds": 0, "typing_ms_per_char": 0, "requests_per_minute": 1_000_000}
_INSERT = """
    insert into agent (id, tenant_id, name, settings, created_at, updated_at)
    values ($1, $2, 'Bench', $3, now(), now())"""
_COMMITS = """
    select xact_commit from pg_stat_database
    where datname = current_database() and pg_stat_clear_snapshot() is not null"""


async def measure(ground: Ground, *, seconds: float) -> dict[str, Any]:
    """Keep every place of one worker busy for so many seconds."""
    await ground.migrate("agent")
    connection = await asyncpg.connect(ground.database("agent"))
    await connection.execute(_INSERT, _AGENT, _TENANT, orjson.dumps(_SETTINGS).decode())
    sandbox = await ground.start_sandbox()
    async with httpx2.AsyncClient(base_url=ground.addresses.url("sandbox")) as door:
        slow = await door.post("/_sandbox/openai/latency", json={"seconds": MODEL_SECONDS})
        slow.raise_for_status()
        ground.extra["AGENT_TURN_CONCURRENCY"] = str(PLACES)
        worker = await ground.start("agent", "worker")
        facts = await _answered(ground, connection, worker.process.pid, seconds)
        facts["model_calls"] = (await door.get("/_sandbox/openai/calls/count")).json()["count"]
    await connection.close()
    worker.stop()
    sandbox.stop()
    return {"ratio": facts["turns_per_s"] * MODEL_SECONDS / PLACES, **facts}


async def _answered(
    ground: Ground, connection: "asyncpg.Connection", worker: int, seconds: float
) -> dict[str, Any]:
    consumer = AIOKafkaConsumer(
        Topic.WHATSAPP_COMMANDS,
        bootstrap_servers=ground.bootstrap,
        auto_offset_reset="latest",
        fetch_max_wait_ms=20,
    )
    await consumer.start()
    await consumer.seek_to_end()
    try:
        async with KafkaBus(ground.bootstrap).producer() as producer:
            await _write(producer, [f"cht_{n}" for n in range(CONVERSATIONS)])
            await _converse(consumer, producer, _WARM_UP_SECONDS)
            began, cpu = time.perf_counter(), usage(worker).cpu_seconds
            commits = await connection.fetchval(_COMMITS)
            turns = await _converse(consumer, producer, seconds)
            took, used = time.perf_counter() - began, usage(worker)
            commits = await connection.fetchval(_COMMITS) - commits
    finally:
        await consumer.stop()
    return {
        "turns_per_s": turns / took,
        "turns": turns,
        "cpu_ms_per_turn": (used.cpu_seconds - cpu) / turns * 1000,
        "transactions_per_turn": commits / turns,
        "peak_mib": used.peak_mib,
    }


async def _converse(consumer: AIOKafkaConsumer, producer: Producer, seconds: float) -> int:
    """Answer every answer with the next message; returns how many answers came."""
    count, until = 0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        fetched = await consumer.getmany(timeout_ms=100)
        chats = [record.key.decode() for records in fetched.values() for record in records]
        count += len(chats)
        if chats:
            await _write(producer, chats)
    return count


async def _write(producer: Producer, chats: list[str]) -> None:
    outcomes = await producer.publish_all([_message(chat) for chat in chats])
    if any(outcomes):
        raise RuntimeError(f"the topic could not be filled: {outcomes}")


def _message(chat: str) -> Record:
    now = utc_now()
    value = {
        "message_id": new_id("wa"),
        "chat_id": chat,
        "integration_id": _NUMBER,
        "kind": "text",
        "text": "Do you have it in blue, and how long does it take to Lisbon?",
        "sender": {"phone": "+5511988880001"},
        "sent_at": now.isoformat(),
        "agent_id": _AGENT,
    }
    headers = raw_headers(
        type_="whatsapp.message.received",
        id_=uuid7(),
        source="parley/whatsapp",
        tenant=_TENANT,
        time=now,
        traceparent=None,
    )
    return Record(Topic.WHATSAPP_MESSAGES, chat, orjson.dumps(value), headers)
