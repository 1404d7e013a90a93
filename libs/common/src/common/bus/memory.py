"""The in-process bus: for unit tests, and the last resort of a machine without Kafka.

It passes the same suite as the real one: partitions by key, consumer groups with committed
offsets, rebalances that wait for the drain, redelivery of what was not committed.
"""

import asyncio
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Self

from common.bus.records import Listener, Partition, Received, Record
from common.contracts.topics import TOPICS, Topic
from common.errors import Permanent, TooLarge, Unavailable

_MAX_BYTES = 1_048_576


class InProcessBus:
    """All topics of one process; nothing survives it."""

    name = "in-process"

    def __init__(self, *, partitions: int | None = None) -> None:
        self._partitions = partitions
        self.logs: dict[Partition, list[Received]] = defaultdict(list)
        self._groups: dict[str, _Group] = {}
        self._arrived: set[asyncio.Event] = set()

    def producer(self) -> "InProcessProducer":
        """Make a producer."""
        return InProcessProducer(self)

    def source(self, group: str, topics: Sequence[str]) -> "InProcessSource":
        """Make a member of a consumer group."""
        return InProcessSource(self, self._groups.setdefault(group, _Group(self)), topics)

    def partitions_of(self, topic: str) -> list[Partition]:
        """List a topic's partitions."""
        count = self._partitions or TOPICS[Topic(topic)].partitions
        return [Partition(topic, number) for number in range(count)]

    def append(self, record: Record) -> None:
        """Store a record.

        Raises:
            TooLarge: the record is over a megabyte.
        """
        if len(record.value or b"") > _MAX_BYTES:
            raise TooLarge("the record is over the topic's limit of bytes")
        partitions = self.partitions_of(record.topic)
        partition = partitions[zlib.crc32(record.key.encode()) % len(partitions)]
        stored = self.logs[partition]
        headers = tuple(record.headers)
        stored.append(Received(partition, len(stored), record.key, record.value, headers))
        for event in self._arrived:
            event.set()

    def records(self, topic: str) -> list[Received]:
        """Read everything that was published to a topic, partition by partition."""
        return [record for p in self.partitions_of(topic) for record in self.logs[p]]

    def watch(self) -> asyncio.Event:
        """Make an event that is set whenever a record arrives."""
        event = asyncio.Event()
        self._arrived.add(event)
        return event

    def unwatch(self, event: asyncio.Event) -> None:
        """Forget an event of `watch`."""
        self._arrived.discard(event)


class InProcessProducer:
    """Publishes to the in-process bus."""

    def __init__(self, bus: InProcessBus) -> None:
        self._bus = bus

    async def __aenter__(self) -> Self:
        """Nothing to connect."""
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Nothing to close."""

    async def publish(self, record: Record, *, deadline: float = 10.0) -> None:  # noqa: ARG002 - the port's
        """Publish one record; see `Producer.publish`."""
        self._bus.append(record)

    async def publish_all(
        self,
        records: Sequence[Record],
        *,
        deadline: float = 30.0,  # noqa: ARG002 - the port's
    ) -> list[Exception | None]:
        """Publish in order; see `Producer.publish_all`."""
        outcomes: list[Exception | None] = []
        failed: set[tuple[str, str]] = set()
        for record in records:
            address = (record.topic, record.key)
            if address in failed:
                outcomes.append(Unavailable("an earlier record of this key failed"))
                continue
            try:
                self._bus.append(record)
            except Permanent as error:
                failed.add(address)
                outcomes.append(error)
            else:
                outcomes.append(None)
        return outcomes


class _Group:
    """Who consumes what in one group, and how far the group has committed."""

    def __init__(self, bus: InProcessBus) -> None:
        self._bus = bus
        self.committed: dict[Partition, int] = defaultdict(int)
        self._members: list[InProcessSource] = []
        self._changing = asyncio.Lock()

    async def join(self, member: "InProcessSource") -> None:
        async with self._changing:
            await self._rebalance([*self._members, member])

    async def leave(self, member: "InProcessSource") -> None:
        async with self._changing:
            await self._rebalance([m for m in self._members if m is not member])

    async def _rebalance(self, members: list["InProcessSource"]) -> None:
        """Eager, as aiokafka does it: everybody drains, then everybody gets a new share."""
        for member in self._members:
            if member in members:
                await member.lose_all()
        self._members = members
        topics = sorted({topic for member in members for topic in member.topics})
        for topic in topics:
            takers = [member for member in members if topic in member.topics]
            for n, partition in enumerate(self._bus.partitions_of(topic)):
                taker = takers[n % len(takers)]
                taker.positions[partition] = self.committed[partition]
        for member in members:
            await member.gain()


class InProcessSource:
    """One member of a group on the in-process bus."""

    def __init__(self, bus: InProcessBus, group: _Group, topics: Sequence[str]) -> None:
        self.topics = list(topics)
        self.positions: dict[Partition, int] = {}
        self._bus = bus
        self._group = group
        self._paused: set[Partition] = set()
        self._listener: Listener | None = None
        self._arrived = bus.watch()

    async def start(self, listener: Listener) -> None:
        """Join the group."""
        self._listener = listener
        await self._group.join(self)

    async def lose_all(self) -> None:
        """Let the listener drain, then give everything back."""
        if self._listener is not None:
            await self._listener.revoked(list(self.positions))
        self.positions.clear()
        self._paused.clear()

    async def gain(self) -> None:
        """Tell the listener what it has now."""
        if self._listener is not None:
            await self._listener.assigned(list(self.positions))

    async def poll(self, wait: float) -> list[Received]:
        """Fetch what is there, waiting up to `wait` seconds."""
        fetched = self._fetch()
        if not fetched:
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), wait)
            except TimeoutError:
                return []
            fetched = self._fetch()
        return fetched

    def _fetch(self) -> list[Received]:
        fetched: list[Received] = []
        for partition, position in self.positions.items():
            if partition not in self._paused:
                records = self._bus.logs[partition][position:]
                self.positions[partition] = position + len(records)
                fetched.extend(records)
        return fetched

    def pause(self, partitions: Sequence[Partition]) -> None:
        """Stop fetching from these."""
        self._paused.update(partitions)

    def resume(self, partitions: Sequence[Partition]) -> None:
        """Fetch from these again."""
        self._paused.difference_update(partitions)

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Say that all before these offsets is finished."""
        for partition, offset in offsets.items():
            if partition in self.positions:
                self._group.committed[partition] = offset

    async def stop(self) -> None:
        """Leave the group."""
        self._bus.unwatch(self._arrived)
        self.positions.clear()
        await self._group.leave(self)
