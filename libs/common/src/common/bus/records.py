"""What a bus carries, and the ports through which the rest of this package speaks to one."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, Self

from common.contracts.cloudevents import Headers


class Record(NamedTuple):
    """One record to publish."""

    topic: str
    key: str
    value: bytes | None
    headers: Headers


class Partition(NamedTuple):
    """One partition of one topic."""

    topic: str
    number: int


class Received(NamedTuple):
    """One record as it was consumed; `lag` is how many lay behind it when it was fetched."""

    partition: Partition
    offset: int
    key: str
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    lag: int = 0
    written_at: float = 0.0
    """Unix time in seconds; 0 where the bus does not say."""


class Producer(Protocol):
    """Publishes records; every call ends within its deadline."""

    async def publish(self, record: Record, *, deadline: float = 10.0) -> None:
        """Publish one record and wait until the brokers have it (`acks=all`).

        Raises:
            Unavailable: no acknowledgement within `deadline` seconds; it may still arrive.
            TooLarge: the record is over the topic's limit.
        """

    async def publish_all(
        self, records: Sequence[Record], *, deadline: float = 30.0
    ) -> list[Exception | None]:
        """Publish in order, pipelined; one outcome per record, None when acknowledged.

        After a record of a key has failed, later records of that key are not sent.
        """


class Listener(Protocol):
    """Who is told when partitions come and go."""

    async def assigned(self, partitions: Sequence[Partition]) -> None:
        """These are ours from now on."""

    async def revoked(self, partitions: Sequence[Partition]) -> None:
        """These go to somebody else when this returns: finish and commit first."""


class Source(Protocol):
    """One member of a consumer group."""

    async def start(self, listener: Listener) -> None:
        """Join the group."""

    async def poll(self, wait: float) -> list[Received]:
        """Fetch what is there, waiting up to `wait` seconds; in order within a partition."""

    def pause(self, partitions: Sequence[Partition]) -> None:
        """Stop fetching from these; forgotten at the next rebalance."""

    def resume(self, partitions: Sequence[Partition]) -> None:
        """Fetch from these again."""

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Say that all before these offsets is finished.

        Raises:
            Unavailable: the broker did not answer in time.
        """

    async def stop(self) -> None:
        """Leave the group; ends within its own deadline."""


class Bus(Protocol):
    """A message bus: real Kafka, or the in-process one."""

    name: str

    def producer(self) -> "HostedProducer":
        """Make a producer; it connects when its context is entered."""

    def source(self, group: str, topics: Sequence[str]) -> Source:
        """Make a member of a consumer group."""


class HostedProducer(Producer, Protocol):
    """A producer with a life: entered at start, left at stop."""

    async def __aenter__(self) -> Self:
        """Connect."""

    async def __aexit__(self, *exc: object) -> None:
        """Flush what can be flushed in time, then close."""
