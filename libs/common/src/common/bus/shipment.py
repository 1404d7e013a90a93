"""Many records at once: a batch of aiokafka's per partition, and one acknowledgement for it.

`AIOKafkaProducer.send` makes two coroutines, a future and a tuple for every record; a batch is
filled with none of them, at a third of the price (measured on aiokafka 0.14).
"""

import asyncio
import zlib
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.producer.message_accumulator import BatchBuilder

from common.bus.records import Record
from common.errors import Unavailable

PartitionNumbers = dict[str, list[int]]
"""By topic."""
_SMALL = 65_536
"""Bytes of a value that is not looked at any closer."""


def partition_of(key: bytes, every: Sequence[int], _available: Sequence[int]) -> int:
    """Choose a key's partition: CRC-32, in C; aiokafka's murmur2 is Python and costs 10 µs."""
    return every[zlib.crc32(key) % len(every)]


async def partitions_of(inner: AIOKafkaProducer, topic: str, known: PartitionNumbers) -> list[int]:
    """List a topic's partitions once: aiokafka lists them anew for every record."""
    every = known.get(topic)
    if every is None:
        every = known[topic] = sorted(await inner.partitions_for(topic))
    return every


class Shipment:
    """The records of one `publish_all`, on their way."""

    def __init__(
        self,
        inner: AIOKafkaProducer,
        records: Sequence[Record],
        known: PartitionNumbers,
        failures: list[BaseException | None],
        *,
        limit: int,
    ) -> None:
        """`failures`: where to say why a record was not sent; `limit`: bytes of a record."""
        self._inner = inner
        self._records = records
        self._known = known
        self._limit = limit
        self._open: dict[tuple[str, int], _Load] = {}
        self._sent: list[_Load] = []
        self._failed: set[tuple[str, str]] = set()
        self._failures = failures

    async def send(self) -> None:
        """Send in order, pipelined, and wait for every answer.

        After a record of a key has failed, later records of that key are not sent.

        Raises:
            KafkaError: the topic's partitions cannot be told.
        """
        for number, record in enumerate(self._records):
            if self._failed and self._is_behind_a_failure(number):
                continue
            key = record.key.encode()
            if _size(key, record) > self._limit:
                self._fail([number], MessageSizeTooLargeError())
                continue
            every = self._known.get(record.topic) or await partitions_of(
                self._inner, record.topic, self._known
            )
            await self._load(number, key, record, partition_of(key, every, every))
        for (topic, partition), load in self._open.items():
            await self._hand_over(load, topic, partition)
        await self._settle()

    async def _load(self, number: int, key: bytes, record: Record, partition: int) -> None:
        place = (record.topic, partition)
        load = self._open.get(place)
        if load is not None:
            if load.takes(number, key, record):
                return
            del self._open[place]
            await self._hand_over(load, *place)
            if self._is_behind_a_failure(number):
                return
        load = self._open[place] = _Load(self._inner.create_batch())
        load.takes(number, key, record)

    def _is_behind_a_failure(self, number: int) -> bool:
        """Whether an earlier record of the same key failed, which is why this one does."""
        record = self._records[number]
        behind = (record.topic, record.key) in self._failed
        if behind:
            self._failures[number] = Unavailable("an earlier record of this key failed")
        return behind

    async def _hand_over(self, load: "_Load", topic: str, partition: int) -> None:
        # Closed, so that nothing else that is published meanwhile can join it.
        load.batch.close()
        try:
            load.answer = await self._inner.send_batch(load.batch, topic, partition=partition)
        except KafkaError as error:
            self._fail(load.numbers, error)
        else:
            load.answer.add_done_callback(_hear)
            self._sent.append(load)

    async def _settle(self) -> None:
        """Wait until all have ended, one by one: they end in order, and `gather` costs more."""
        for load in self._sent:
            if not load.answer.done():
                await asyncio.wait({load.answer})
            if (failure := load.answer.exception()) is not None:
                self._fail(load.numbers, failure)

    def _fail(self, numbers: Sequence[int], error: BaseException) -> None:
        for number in numbers:
            self._failures[number] = error
            self._failed.add((self._records[number].topic, self._records[number].key))


class _Load:
    """One batch, and which of the records are in it."""

    __slots__ = ("answer", "batch", "numbers")

    def __init__(self, batch: BatchBuilder) -> None:
        self.batch = batch
        self.numbers: list[int] = []
        self.answer: asyncio.Future[object]

    def takes(self, number: int, key: bytes, record: Record) -> bool:
        """Put a record in; False when the batch is full. An empty one takes any."""
        taken = self.batch.append(
            timestamp=None, key=key, value=record.value, headers=record.headers
        )
        if taken is None:
            return False
        self.numbers.append(number)
        return True


def _size(key: bytes, record: Record) -> int:
    """Say how many bytes a record has; 0 for a small one, where it does not matter."""
    value = len(record.value or b"")
    if value < _SMALL:
        return 0
    return len(key) + value + sum(len(name) + len(text) for name, text in record.headers)


def _hear(answer: "asyncio.Future[object]") -> None:
    """Take note of a failure that nobody waits for any more, after a deadline."""
    if not answer.cancelled():
        answer.exception()
