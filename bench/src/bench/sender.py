"""`sender_vs_sandbox`: what one worker sends in a second, against a bare loop that only calls.

500 chats wait in their lanes, pacing off; Evolution answers in 5 ms (`bench.stub` says why not the
sandbox). The worker claims, notes each call, makes it, records it and publishes what it did. The
bare loop makes the same calls, as many at once, and nothing else; before and after the worker.
"""

import asyncio
import sys
import time
from typing import Any

import asyncpg
import httpx2

from bench.ground import Ground
from bench.machine import usage
from common.contracts import new_id
from common.db import Database
from common.lanes import NewJob, Queue, enqueue
from devstack.ports import free_port

CHATS = 500
NUMBERS = 10
AT_ONCE = 64
_ANSWERS_IN_MS = 5
_SENDS = Queue("sends")
_PER_BATCH = 2_000
_INTEGRATIONS = """
    insert into integration (id, tenant_id, agent_id, channel, instance, created, state)
    select 'int_' || n, 'ten_bench', 'agt_' || n, 'evolution', 'bench-' || n, true, 'open'
    from generate_series(0, $1::int - 1) as n"""
_CHATS = """
    insert into chat (id, tenant_id, integration_id, reply_to, last_message_at)
    select 'cht_' || n, 'ten_bench', 'int_' || n % $2::int,
           '55119' || lpad(n::text, 8, '0') || '@s.whatsapp.net', now()
    from generate_series(0, $1::int - 1) as n"""
_COMMANDS = """
    insert into outbound (command_id, tenant_id, integration_id, chat_id, text, typing_ms, state)
    select id, 'ten_bench', 'int_' || chat % $4::int, 'cht_' || chat, 'message ' || n, 0, 'queued'
    from unnest($1::text[], $2::int[], $3::int[]) as row(id, chat, n)"""


async def measure(ground: Ground, *, messages: int) -> dict[str, Any]:
    """Fill the lanes, let the worker send, with the bare loop before and after."""
    await ground.migrate("whatsapp")
    port = free_port(taken=ground.addresses.ports.values())
    stub = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.stub", str(port), str(_ANSWERS_IN_MS)
    )
    url = f"http://127.0.0.1:{port}"
    try:
        await _fill(ground, messages)
        before = await _bare(url, messages)
        await _facts(url)
        ours, worker = await _worker(ground, url, messages)
        facts = await _facts(url)
        after = await _bare(url, messages)
    finally:
        stub.terminate()
        await stub.wait()
    if facts != {"sent": messages, "bad": 0, "out_of_order": 0}:
        raise RuntimeError(f"the worker was to send {messages} in order: {facts}")
    bare = (before + after) / 2
    return {"ratio": ours / bare, "messages_per_s": ours, "bare_per_s": bare, **worker}


async def _fill(ground: Ground, messages: int) -> None:
    connection = await asyncpg.connect(ground.database("whatsapp"))
    database = Database(ground.database("whatsapp"))
    await connection.execute(_INTEGRATIONS, NUMBERS)
    await connection.execute(_CHATS, CHATS, NUMBERS)
    for start in range(0, messages, _PER_BATCH):
        places = range(start, min(start + _PER_BATCH, messages))
        ids = [new_id("cmd") for _ in places]
        chats, numbers = [n % CHATS for n in places], [n // CHATS for n in places]
        await connection.execute(_COMMANDS, ids, chats, numbers, NUMBERS)
        jobs = [
            NewJob(f"ten_bench:cht_{chat}", one, b"", "ten_bench", pace_key=f"int_{chat % NUMBERS}")
            for one, chat in zip(ids, chats, strict=True)
        ]
        async with database.transaction() as transaction:
            await enqueue(transaction, _SENDS, jobs)
    await connection.execute("vacuum analyze")
    await connection.close()
    await database.close()


async def _worker(ground: Ground, url: str, messages: int) -> tuple[float, dict[str, Any]]:
    """Time the worker from the first message that is recorded to the last."""
    ground.extra |= {
        "WHATSAPP_EVOLUTION_URL": url,
        "WHATSAPP_SEND_CONCURRENCY": str(AT_ONCE),
        # Numbers that nobody scanned: Evolution must not be asked how they stand.
        "WHATSAPP_CHECK_SECONDS": "86400",
    }
    connection = await asyncpg.connect(ground.database("whatsapp"))
    await connection.execute("update integration set check_at = now() + interval '1 day'")
    child = await ground.start("whatsapp", "worker")
    began, first = 0.0, 0
    async with asyncio.timeout(300):
        while True:
            child.require_alive()
            sent = await connection.fetchval("select count(*) from outbound where state = 'sent'")
            if sent and not began:
                began, first = time.perf_counter(), sent
            if sent == messages:
                break
            await asyncio.sleep(0.05)
    seconds = time.perf_counter() - began
    used = usage(child.process.pid)
    child.stop(30)
    await connection.close()
    return (messages - first) / seconds, {
        "cpu_us_per_message": used.cpu_seconds / messages * 1e6,
        "peak_mib": used.peak_mib,
    }


async def _bare(url: str, messages: int) -> float:
    numbers = (str(messages), str(CHATS), str(AT_ONCE))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.bare_sender", url, *numbers, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return float(out)


async def _facts(url: str) -> dict[str, int]:
    async with httpx2.AsyncClient() as client:
        found: dict[str, int] = (await client.get(url)).json()
        return found
