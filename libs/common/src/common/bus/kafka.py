"""Real Kafka as a `Bus`, and the topics it must have before anybody starts."""

import asyncio
from collections.abc import Sequence
from typing import Self

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from common.bus.cluster import Cluster, away
from common.bus.producer import MAX_RECORD_BYTES, KafkaProducer
from common.bus.source import SESSION_SECONDS, KafkaSource
from common.contracts.topics import TOPICS
from common.settings import ServiceSettings

log = structlog.get_logger()


class KafkaBus:
    """Makes producers and sources for one cluster."""

    name = "kafka"

    def __init__(
        self,
        cluster: str | Cluster,
        *,
        client_id: str = "parley",
        session_seconds: float = SESSION_SECONDS,
    ) -> None:
        self._cluster = Cluster.of(cluster)
        self._client_id = client_id
        self._session_seconds = session_seconds

    @classmethod
    def of(cls, settings: ServiceSettings, name: str) -> Self:
        """Make the bus that a service's settings name.

        Raises:
            InvalidInput: they name a certificate that cannot be read, or no user.
        """
        cluster = Cluster.from_settings(settings)
        cluster.options()  # what cannot work is said now, not by a task that tries for ever
        return cls(cluster, client_id=name, session_seconds=settings.kafka_session_seconds)

    def producer(self) -> KafkaProducer:
        """Make a producer."""
        return KafkaProducer(self._cluster, client_id=self._client_id)

    def source(self, group: str, topics: Sequence[str]) -> KafkaSource:
        """Make a member of a consumer group."""
        return KafkaSource(
            self._cluster, group=group, topics=topics, session_seconds=self._session_seconds
        )


async def create_topics(
    cluster: str | Cluster, *, replication: int = 1, prefix: str = ""
) -> list[str]:
    """Create the topics that are missing; returns their names.

    Raises:
        Unavailable: no broker answered.
        KafkaError: the broker refused a topic.
    """
    cluster = Cluster.of(cluster)
    admin = AIOKafkaAdminClient(**cluster.options(), request_timeout_ms=15_000)
    wanted = [
        NewTopic(
            name=prefix + topic,
            num_partitions=spec.partitions,
            replication_factor=replication,
            topic_configs={
                "retention.ms": str(int(spec.retention.total_seconds() * 1000)),
                "max.message.bytes": str(MAX_RECORD_BYTES + 65_536),
                "min.insync.replicas": str(max(1, replication - 1)),
            },
        )
        for topic, spec in TOPICS.items()
    ]
    try:
        async with asyncio.timeout(30):
            await admin.start()
            response = await admin.create_topics(wanted)
    except (OSError, TimeoutError, KafkaError) as error:
        raise away(cluster, error) from error
    finally:
        await admin.close()
    return _created(response.topic_errors)


def _created(outcomes: Sequence[tuple[str, int, str | None]]) -> list[str]:
    created: list[str] = []
    for name, code, *_ in outcomes:
        error = for_code(code)
        if code == 0:
            created.append(name)
        elif error is not TopicAlreadyExistsError:
            raise error(f"topic {name} was not created")
    return created
