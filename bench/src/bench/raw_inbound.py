"""The raw limit of taking in: `python -m bench.raw_inbound BOOTSTRAP DATABASE WIDTHS`.

Takes what was fetched, writes it with one multi-row insert, publishes it pipelined, commits; and
nothing else, for ever. It runs as the worker does: a process of its own, on the same event loop,
with the same producer settings, on the same topics. WIDTHS is JSON: what the worker keeps and
publishes of a message.
"""

import asyncio
import sys
from typing import Any, NamedTuple

import asyncpg
import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from common.bus import KafkaProducer
from common.contracts import Topic

PATIENCE_SECONDS = 120
"""A consumer that is frozen for longer would lose its partitions, and read them again."""
READS, WRITES = Topic.EVOLUTION_WEBHOOKS, Topic.WHATSAPP_MESSAGES
_TABLE = "create table raw_message (id text primary key, payload bytea not null)"
_INSERT = "insert into raw_message select * from unnest($1::text[], $2::bytea[])"
_ROW_OVERHEAD = 60
"""Bytes of a row that are not its payload: the row's header and its id."""


class Widths(NamedTuple):
    """What the worker keeps and publishes of one message."""

    row: int
    """Bytes of everything that stays in its tables."""
    value: int
    """Bytes of a record's value."""
    headers: list[tuple[str, bytes]]

    def written(self) -> str:
        """Write it for the command line."""
        headers = [(name, value.decode()) for name, value in self.headers]
        return orjson.dumps([self.row, self.value, headers]).decode()

    @classmethod
    def read(cls, written: str) -> "Widths":
        """Read what `written` wrote."""
        row, value, headers = orjson.loads(written)
        return cls(row, value, [(name, text.encode()) for name, text in headers])


async def _run(bootstrap: str, database: str, widths: Widths) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute(_TABLE)
    producer = AIOKafkaProducer(**KafkaProducer(bootstrap, client_id="raw").options)
    consumer = AIOKafkaConsumer(
        READS,
        bootstrap_servers=bootstrap,
        group_id="raw",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
        session_timeout_ms=PATIENCE_SECONDS * 1000,
    )
    await producer.start()
    await consumer.start()
    while True:
        fetched = await consumer.getmany(timeout_ms=1000)
        records = [record for some in fetched.values() for record in some]
        if records:
            await _pass_on(connection, producer, records, widths)
            await consumer.commit()


async def _pass_on(
    connection: "asyncpg.Connection",
    producer: AIOKafkaProducer,
    records: list[Any],
    widths: Widths,
) -> None:
    """One multi-row insert, then everything sent pipelined."""
    payload = widths.row - _ROW_OVERHEAD
    await connection.execute(
        _INSERT,
        [f"{r.partition}-{r.offset}" for r in records],
        [r.value[:payload] for r in records],
    )
    sent = [
        await producer.send(WRITES, r.value[: widths.value], key=r.key, headers=widths.headers)
        for r in records
    ]
    await asyncio.gather(*sent)


def main() -> None:
    """Pass on what comes until it is stopped."""
    bootstrap, database, widths = sys.argv[1:]
    uvloop.run(_run(bootstrap, database, Widths.read(widths)))


if __name__ == "__main__":
    main()
