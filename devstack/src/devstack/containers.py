"""Postgres and Kafka from testcontainers, where a Docker engine answers."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SOCKET = Path("/var/run/docker.sock")
_POSTGRES_IMAGE = "postgres:18"
_KAFKA_IMAGE = "confluentinc/cp-kafka:8.0.0"


def engine_answers() -> bool:
    """Say whether a Docker engine is there and answers a ping."""
    if "DOCKER_HOST" not in os.environ and not _SOCKET.exists():
        return False
    from testcontainers.core.docker_client import (  # noqa: PLC0415 - half a second, engines only
        DockerClient,
    )

    try:
        return bool(DockerClient().client.ping())
    except Exception:  # noqa: BLE001 - whatever the client trips over, there is no engine to use
        return False


@contextmanager
def postgres() -> Iterator[str]:
    """Run Postgres in a container; yields the superuser's address."""
    from testcontainers.community.postgres import (  # noqa: PLC0415 - see engine_answers
        PostgresContainer,
    )

    with PostgresContainer(_POSTGRES_IMAGE, username="postgres", dbname="postgres") as server:
        yield server.get_connection_url(driver=None)


@contextmanager
def kafka() -> Iterator[str]:
    """Run Kafka in a container, one KRaft node; yields its bootstrap address."""
    from testcontainers.community.kafka import KafkaContainer  # noqa: PLC0415 - see engine_answers

    container = KafkaContainer(_KAFKA_IMAGE).with_kraft()
    container.with_env("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false")
    with container as broker:
        yield broker.get_bootstrap_server()
