"""A member of a Kafka consumer group, with aiokafka's traps stepped around."""

import asyncio
from collections.abc import Mapping, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from common.bus.cluster import Cluster
from common.bus.records import Listener, Partition, Received
from common.errors import Unavailable

log = structlog.get_logger()

SESSION_SECONDS = 12.0
_START_SECONDS = 60.0
_SOON_SECONDS = 5.0
DRAIN_SECONDS = 20
"""How long a revoked partition may take to finish: below the rebalance timeout, else another
member gets it while we still work on it (measured)."""


class KafkaSource:
    """One consumer; explicit commits only, one assignor, nothing left in its buffers."""

    def __init__(
        self,
        cluster: str | Cluster,
        *,
        group: str,
        topics: Sequence[str],
        session_seconds: float = SESSION_SECONDS,
    ) -> None:
        self._topics = list(topics)
        self._cluster = Cluster.of(cluster)
        self._options = {
            "group_id": group,
            "client_id": group,
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "isolation_level": "read_committed",
            "partition_assignment_strategy": (StickyPartitionAssignor,),
            "session_timeout_ms": int(session_seconds * 1000),
            "heartbeat_interval_ms": int(session_seconds * 250),
            # The order of these three is load-bearing: drain < rebalance < request.
            "rebalance_timeout_ms": 30_000,
            "request_timeout_ms": 40_000,
            "max_poll_interval_ms": 300_000,
            # A partition with unread records blocks its broker's next fetch, so the wait is short.
            "fetch_max_wait_ms": 100,
            "max_partition_fetch_bytes": 1_048_576,
            "fetch_max_bytes": 8_388_608,
        }
        self._inner: AIOKafkaConsumer | None = None

    async def start(self, listener: Listener) -> None:
        """Join the group; waits for the broker as long as it takes."""
        while True:
            inner = AIOKafkaConsumer(**self._cluster.options(), **self._options)
            inner.subscribe(self._topics, listener=_Rebalance(listener))
            try:
                await _start(inner)
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("consumer.connect_failed", error=type(error).__name__)
                await asyncio.sleep(0.5)
            else:
                self._inner = inner
                return

    async def poll(self, wait: float) -> list[Received]:
        """Drain everything that was fetched.

        Raises:
            Unavailable: the broker is away; poll again.
        """
        inner = self._joined()
        try:
            fetched = await inner.getmany(timeout_ms=int(wait * 1000))
        except (KafkaError, OSError) as error:
            raise Unavailable(f"Kafka is away: {type(error).__name__}") from error
        received: list[Received] = []
        for tp, records in fetched.items():
            partition = Partition(tp.topic, tp.partition)
            end = inner.highwater(tp) or 0
            received.extend(
                Received(
                    partition,
                    record.offset,
                    record.key.decode("utf-8", "replace") if record.key else "",
                    record.value,
                    record.headers,
                    max(0, end - record.offset - 1),
                    record.timestamp / 1000,
                )
                for record in records
            )
        return received

    def pause(self, partitions: Sequence[Partition]) -> None:
        """Stop fetching from these."""
        self._quietly("pause", partitions)

    def resume(self, partitions: Sequence[Partition]) -> None:
        """Fetch from these again."""
        self._quietly("resume", partitions)

    def _quietly(self, verb: str, partitions: Sequence[Partition]) -> None:
        inner = self._joined()
        assigned = inner.assignment()
        wanted = [tp for p in partitions if (tp := TopicPartition(*p)) in assigned]
        try:
            getattr(inner, verb)(*wanted)
        except IllegalStateError:
            log.info("consumer.partition_gone", verb=verb)

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Commit explicit offsets; for partitions that are no longer ours it does nothing."""
        inner = self._joined()
        wanted = {TopicPartition(*p): offset for p, offset in offsets.items()}
        try:
            async with asyncio.timeout(5):
                await inner.commit(wanted)
        except (CommitFailedError, IllegalStateError):
            log.info("consumer.commit_dropped", partitions=len(wanted))
        except (KafkaError, OSError, TimeoutError) as error:
            raise Unavailable(f"commit: {type(error).__name__}") from error

    async def stop(self) -> None:
        """Leave the group."""
        if self._inner is not None:
            await _stop(self._inner)
            self._inner = None

    def _joined(self) -> AIOKafkaConsumer:
        if self._inner is None:
            raise RuntimeError("start() comes first")
        return self._inner


async def _start(inner: AIOKafkaConsumer) -> None:
    """Start; what does not get so far, or is taken back, is stopped.

    A start that is taken back ends first, if it soon does: aiokafka forgets the connection that it
    is just making when it is cancelled.
    """
    starting = asyncio.get_running_loop().create_task(inner.start())
    try:
        async with asyncio.timeout(_START_SECONDS):
            await asyncio.shield(starting)
    except BaseException:
        await asyncio.wait({starting}, timeout=_SOON_SECONDS)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await _stop(inner)
        raise


async def _stop(inner: AIOKafkaConsumer) -> None:
    """Stop in a task of its own: aiokafka's `stop` can leak a CancelledError of its inside."""
    task = asyncio.get_running_loop().create_task(inner.stop())
    done, _ = await asyncio.wait({task}, timeout=10)
    if not done:
        task.cancel()
        log.warning("consumer.abandoned")
    elif task.cancelled() or task.exception() is not None:
        log.warning("consumer.stop_failed")


class _Rebalance(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """Translates aiokafka's listener; it swallows exceptions, so ours are logged here."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        try:
            await self._listener.revoked([Partition(*tp) for tp in revoked])
        except Exception:  # aiokafka would drop it without a word
            log.exception("consumer.revoke_failed")

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        try:
            await self._listener.assigned([Partition(*tp) for tp in assigned])
        except Exception:  # aiokafka would drop it without a word
            log.exception("consumer.assign_failed")
