"""The Kafka producer, supervised: aiokafka's own wedges for ever after some errors.

Measured on aiokafka 0.14: after a non-retriable produce error an idempotent producer answers
OutOfOrderSequence to every later send of that partition, and while the broker is away neither
`send_and_wait` nor `stop` ever ends. So every await has a deadline, and a producer that failed
in that way is replaced; what it held is sent again by whoever still has it (the outbox).
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Self

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    RecordTooLargeError,
)

from common.bus.cluster import Cluster
from common.bus.deadlines import Deadlines
from common.bus.records import Record
from common.bus.shipment import PartitionNumbers, Shipment, partition_of, partitions_of
from common.errors import TooLarge, Unavailable
from common.telemetry import metrics

log = structlog.get_logger()

MAX_RECORD_BYTES = 1_048_576
_OVERHEAD = 65_536
"""Headers, and the reason a dead letter carries on top of the record it holds."""
_LIMIT = MAX_RECORD_BYTES + _OVERHEAD
_STOP_SECONDS = 5.0


class KafkaProducer:
    """An idempotent producer that outlives its own failures."""

    def __init__(self, cluster: str | Cluster, *, client_id: str, linger_ms: int = 0) -> None:
        self._cluster = Cluster.of(cluster)
        self._settings: dict[str, Any] = {
            "client_id": client_id,
            "enable_idempotence": True,
            "acks": "all",
            "partitioner": partition_of,
            "compression_type": "lz4",
            # Records gather in a batch anyway while the one before it is in flight; a linger
            # above zero only taxes the message that comes alone.
            "linger_ms": linger_ms,
            "max_batch_size": 131_072,
            "max_request_size": _LIMIT,
            "request_timeout_ms": 10_000,
            "retry_backoff_ms": 100,
        }
        self._deadlines = Deadlines()
        self._partitions: PartitionNumbers = {}
        self._inner: AIOKafkaProducer | None = None
        self._rebuilding: asyncio.Task[None] | None = None
        self._retired: set[asyncio.Task[None]] = set()

    @property
    def options(self) -> dict[str, Any]:
        """What aiokafka is made with; certificates are read again each time."""
        return {**self._cluster.options(), **self._settings}

    async def __aenter__(self) -> Self:
        """Begin to connect; a broker that is away delays the first publish, not the start."""
        self._rebuild()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Flush and close within a few seconds."""
        if self._rebuilding is not None:
            self._rebuilding.cancel()
            await asyncio.gather(self._rebuilding, return_exceptions=True)
        if self._inner is not None:
            await _stop(self._inner)
        for task in list(self._retired):
            task.cancel()
        await asyncio.gather(*self._retired, return_exceptions=True)

    @property
    def connected(self) -> bool:
        """Whether there is a producer to publish with."""
        return self._inner is not None

    async def publish(self, record: Record, *, deadline: float = 10.0) -> None:
        """Publish one record; see `Producer.publish`."""
        inner = self._inner
        try:
            with self._deadlines.within(deadline):
                if inner is None:
                    inner = await self._connected()
                acknowledged = await _send(inner, record, self._partitions)
                await acknowledged
        except Exception as error:
            raise self._explain(error, inner) from error

    async def publish_all(
        self, records: Sequence[Record], *, deadline: float = 30.0
    ) -> list[Exception | None]:
        """Publish in order, pipelined; see `Producer.publish_all`."""
        inner = self._inner
        failures: list[BaseException | None] = [None] * len(records)
        try:
            async with asyncio.timeout(deadline):
                if inner is None:
                    inner = await self._connected()
                shipment = Shipment(inner, records, self._partitions, failures, limit=_LIMIT)
                await shipment.send()
        except Exception as error:  # noqa: BLE001 - outage or deadline: all that was not acked
            failures = [failure or error for failure in failures]
        return [None if f is None else self._explain(f, inner) for f in failures]

    def _explain(
        self, error: BaseException, inner: AIOKafkaProducer | None
    ) -> TooLarge | Unavailable:
        """Say it in our words; replace the producer when it will not recover by itself."""
        match error:
            case TooLarge() | Unavailable():
                return error
            case MessageSizeTooLargeError() | RecordTooLargeError():
                if isinstance(error, RecordTooLargeError):
                    self._replace(inner, error)
                return TooLarge("the record is over the topic's limit of bytes")
            case TimeoutError():
                return Unavailable("Kafka did not acknowledge in time")
            case KafkaError() if error.retriable:
                return Unavailable(f"Kafka is away: {type(error).__name__}")
            case _:
                self._replace(inner, error)
                return Unavailable(f"the Kafka producer was replaced: {type(error).__name__}")

    def _replace(self, broken: AIOKafkaProducer | None, error: BaseException) -> None:
        if broken is None or broken is not self._inner:
            return
        self._inner = None
        log.warning("producer.replaced", error=type(error).__name__)
        metrics.PRODUCER_REBUILDS.inc()
        task = asyncio.get_running_loop().create_task(_stop(broken))
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)
        self._rebuild()

    def _rebuild(self) -> None:
        if self._rebuilding is None or self._rebuilding.done():
            self._rebuilding = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        while True:
            inner = AIOKafkaProducer(**self.options)
            try:
                async with asyncio.timeout(10):
                    await inner.start()
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("producer.connect_failed", error=type(error).__name__)
                await _stop(inner)
                await asyncio.sleep(0.5)
            else:
                self._partitions = {}
                self._inner = inner
                return

    async def _connected(self) -> AIOKafkaProducer:
        if self._rebuilding is not None:
            await asyncio.shield(self._rebuilding)
        if self._inner is None:
            raise Unavailable("Kafka is away")
        return self._inner


async def _send(
    inner: AIOKafkaProducer, record: Record, partitions: PartitionNumbers
) -> "asyncio.Future[object]":
    """Hand a record over, with its partition chosen."""
    every = await partitions_of(inner, record.topic, partitions)
    key = record.key.encode()
    acknowledged: asyncio.Future[object] = await inner.send(
        record.topic,
        record.value,
        key=key,
        partition=partition_of(key, every, every),
        headers=record.headers,
    )
    return acknowledged


async def _stop(inner: AIOKafkaProducer) -> None:
    """Stop with a deadline, then abandon: with the broker away `stop` never ends."""
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await inner.stop()
    except (KafkaError, OSError, TimeoutError) as error:
        log.warning("producer.abandoned", error=type(error).__name__)
