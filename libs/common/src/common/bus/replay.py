"""What an operator does with dead letters: look at them, and have them handled again.

A replay is one transaction on the service's own database: each letter is marked as replayed, its
event is taken out of this service's inbox (and of no other's, so other readers of the topic still
drop it), and the original record goes into the outbox, whose relay publishes it. So a replay that
is cut off has not happened, one that runs twice changes nothing the second time, and a record
that fails again is a new dead letter, which may be replayed in its turn.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from common.bus.cluster import Cluster, away
from common.bus.dead_letters import DeadLetter, read_dead_letter
from common.bus.records import Partition, Received
from common.contracts.topics import dead_letters
from common.db import Connection, Executes, Outbox, Sql

_CONNECT_SECONDS = 30.0
_READ_SECONDS = 300.0
_CHUNK = 500

# Marks outlive the letters they are about (30 days), although the inbox forgets sooner.
_MARK = Sql("""
    insert into inbox (event_id, received_at)
    select unnest(cast(:marks as text[])), now() + interval '30 days'
    on conflict do nothing
    returning event_id""")
_MARKED = Sql("select event_id from inbox where event_id = any(cast(:marks as text[]))")
_FORGET = Sql("delete from inbox where event_id = any(cast(:ids as text[]))")


async def read_dead_letters(
    cluster: str | Cluster, service: str, *, count: int | None = None
) -> list[DeadLetter]:
    """Read a service's dead letters, the oldest first: all of them, or the newest `count`.

    They are held in memory; the reader joins no group and commits nothing.

    Raises:
        Unavailable: no broker answered, or not in time.
    """
    cluster = Cluster.of(cluster)
    consumer = AIOKafkaConsumer(
        dead_letters(service), **cluster.options(), enable_auto_commit=False
    )
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            await consumer.start()
        async with asyncio.timeout(_READ_SECONDS):
            records = await newest_records(consumer, count)
    except (KafkaError, OSError, TimeoutError) as error:
        raise away(cluster, error) from error
    finally:
        # In a task of its own: aiokafka's `stop` can leak a CancelledError of its inside.
        await asyncio.wait({asyncio.ensure_future(consumer.stop())}, timeout=5)
    found = [letter for record in records if (letter := _read(record)) is not None]
    found.sort(key=lambda letter: (letter.at, letter.place.number, letter.position))
    return found if count is None else found[-count:]


async def newest_records(consumer: Any, count: int | None) -> list[Any]:
    """Read the last records of every partition of a started consumer, or all of them."""
    partitions = sorted(consumer.assignment())
    begins = await consumer.beginning_offsets(partitions)
    ends = await consumer.end_offsets(partitions)
    records: list[Any] = []
    for partition in partitions:
        first = begins[partition] if count is None else ends[partition] - count
        consumer.seek(partition, max(begins[partition], first))
    for partition in partitions:
        while await consumer.position(partition) < ends[partition]:
            fetched = await consumer.getmany(partition, timeout_ms=1000)
            records += fetched.get(partition, ())
    return records


def _read(record: Any) -> DeadLetter | None:
    key = (record.key or b"").decode("utf-8", "replace")
    place = Partition(record.topic, record.partition)
    received = Received(place, record.offset, key, record.value, record.headers)
    return read_dead_letter(received, datetime.fromtimestamp(record.timestamp / 1000, UTC))


async def marked(connection: Executes, letters: Sequence[DeadLetter]) -> set[str]:
    """Say which of these letters were replayed, by their marks."""
    marks = [letter.mark for letter in letters]
    return set((await connection.execute(_MARKED, {"marks": marks})).scalars())


async def replay(
    connection: Connection, letters: Sequence[DeadLetter], *, source: str
) -> list[DeadLetter]:
    """Have letters handled again, in their original order per key; returns those that will be.

    Left out are letters that were replayed before. Of an event that died more than once, the
    newest letter counts and the oldest gives its place in the order.
    """
    rows = await connection.execute(_MARK, {"marks": [letter.mark for letter in letters]})
    fresh_marks = set(rows.scalars())
    wanted = [one for one in in_original_order(letters) if one.mark in fresh_marks]
    await connection.execute(_FORGET, {"ids": [letter.id for letter in wanted]})
    for start in range(0, len(wanted), _CHUNK):
        outbox = Outbox(connection, source=source)
        for letter in wanted[start : start + _CHUNK]:
            outbox.add_row(letter.original())
        await outbox.flush()
    return wanted


def in_original_order(letters: Sequence[DeadLetter]) -> list[DeadLetter]:
    """Keep the newest letter of each event, ordered by where the event first lay."""
    newest: dict[str, DeadLetter] = {}
    first: dict[str, tuple[str, int, int]] = {}
    for letter in sorted(letters, key=lambda one: (one.place, one.position)):
        place = (*letter.origin, letter.offset)
        newest[letter.id] = letter
        first[letter.id] = min(place, first.get(letter.id, place))
    return sorted(newest.values(), key=lambda letter: first[letter.id])
