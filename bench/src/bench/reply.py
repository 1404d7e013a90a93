"""`reply_latency_vs_hops`: from webhook accepted to the call at WhatsApp, against bare hops.

Like with like: the bare hops and transactions come 20 a second, as the messages do, so both find
broker, processors and caches as a message finds them, and what is left above that floor is our own
doing. Told too is the ratio against the same hops one right after the other (`…_back_to_back`),
as quick as they ever are: against those, bare hops at 20 a second are far above 1 themselves
(`bare_ratio_back_to_back`).
"""

import asyncio
import statistics
import time
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx2
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.bodies import encoded, text_body
from bench.ground import Ground
from bench.machine import usage
from bench.suite import Suite, suite
from common.bus import KafkaProducer
from common.contracts import Topic

PER_SECOND = 20
HOPS, TRANSACTIONS = 3, 4
_QUICK = {"quiet_seconds": 0, "typing_ms_per_char": 0, "requests_per_minute": 100_000}
_SAMPLES, _PACED_SAMPLES = 300, 100
_WARM_UP = 8.0
"""Seconds: caches fill, pools open, and the broker's code gets compiled."""


@dataclass(frozen=True, slots=True)
class Floor:
    """What a message needs at least, in seconds."""

    hop: float
    transaction: float

    @property
    def seconds(self) -> float:
        """The sum of what the target names."""
        return HOPS * self.hop + TRANSACTIONS * self.transaction


async def measure(ground: Ground, *, seconds: float) -> dict[str, Any]:
    """Write 20 messages a second to the whole suite, each in a chat of its own."""
    async with suite(ground) as running:
        idle = {child.name: usage(child.process.pid).resident_mib for child in running.children}
        number = await running.connect_number(_QUICK)
        await _journeys(running, number, _WARM_UP)
        rushed = await _floor(ground, pause=0)
        floor = await _floor(ground, pause=1 / PER_SECOND)
        before = {c.name: usage(c.process.pid).cpu_seconds for c in running.children}
        latencies = await _journeys(running, number, seconds)
        used = {c.name: usage(c.process.pid) for c in running.children}
    p50 = statistics.median(latencies)
    count = len(latencies)
    return {
        "ratio": p50 / floor.seconds,
        "p50_ms": p50 * 1000,
        "p99_ms": sorted(latencies)[int(count * 0.99)] * 1000,
        "hop_p50_ms": floor.hop * 1000,
        "transaction_p50_ms": floor.transaction * 1000,
        "floor_ms": floor.seconds * 1000,
        "ratio_back_to_back": p50 / rushed.seconds,
        "bare_ratio_back_to_back": floor.seconds / rushed.seconds,
        "hop_back_to_back_p50_ms": rushed.hop * 1000,
        "transaction_back_to_back_p50_ms": rushed.transaction * 1000,
        "floor_back_to_back_ms": rushed.seconds * 1000,
        "messages": count,
        "idle_mib": idle,
        "peak_mib": {name: one.peak_mib for name, one in used.items()},
        "cpu_us_per_message": {
            name: (one.cpu_seconds - before[name]) / count * 1e6 for name, one in used.items()
        },
    }


async def _journeys(running: Suite, number: str, seconds: float) -> list[float]:
    """Post webhooks at a steady rate; give the seconds from each acceptance to its answer."""
    accepted: dict[str, float] = {}
    await running.door("DELETE", "/_sandbox/evolution/sent")
    total = int(seconds * PER_SECOND)
    began = time.time()
    async with httpx2.AsyncClient(timeout=10) as client:

        async def write(n: int) -> None:
            await asyncio.sleep(max(0.0, began + n / PER_SECOND - time.time()))
            phone = f"55119{int(began) % 10_000:04d}{n:04d}"
            body = text_body(
                number, phone=phone, message_id=f"3A{int(began)}{n:06d}", text="hi", at=int(began)
            )
            response = await client.post(
                running.webhook_url, content=encoded(body), headers=running.webhook_headers
            )
            response.raise_for_status()
            accepted[phone] = time.time()

        await asyncio.gather(*(write(n) for n in range(total)))
    sent = await running.sent(total)
    return [one["at"] - accepted[one["remote_jid"].partition("@")[0]] for one in sent]


async def _floor(ground: Ground, *, pause: float) -> Floor:
    return Floor(await _hop(ground, pause=pause), await _transaction(ground, pause=pause))


async def _hop(ground: Ground, *, pause: float) -> float:
    """Measure the p50 of produce → consume, one record at a time, in seconds."""
    options = KafkaProducer(ground.bootstrap, client_id="hop").options
    producer = AIOKafkaProducer(**options)
    consumer = AIOKafkaConsumer(
        Topic.OAUTH_CALLBACKS,
        bootstrap_servers=ground.bootstrap,
        auto_offset_reset="latest",
        fetch_max_wait_ms=100,
    )
    await producer.start()
    await consumer.start()
    await consumer.seek_to_end()
    samples: list[float] = []
    try:
        for n in range(_PACED_SAMPLES if pause else _SAMPLES):
            await asyncio.sleep(pause)
            began = time.perf_counter()
            await producer.send(Topic.OAUTH_CALLBACKS, b"x" * 600, key=str(n).encode())
            fetched: dict[Any, Any] = {}
            while not fetched:
                fetched = await consumer.getmany(timeout_ms=1000)
            samples.append(time.perf_counter() - began)
    finally:
        await consumer.stop()
        await producer.stop()
    return statistics.median(samples)


async def _transaction(ground: Ground, *, pause: float) -> float:
    """Measure the p50 of an empty transaction, in seconds."""
    connection = await asyncpg.connect(ground.database("whatsapp"))
    samples: list[float] = []
    try:
        for _ in range(_PACED_SAMPLES if pause else _SAMPLES):
            await asyncio.sleep(pause)
            began = time.perf_counter()
            async with connection.transaction():
                await connection.execute("select 1")
            samples.append(time.perf_counter() - began)
    finally:
        await connection.close()
    return statistics.median(samples)
