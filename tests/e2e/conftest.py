"""The suite as processes on real Kafka and real Postgres, started once for these tests."""

from collections.abc import AsyncGenerator

import pytest

from bench.ground import Ground, ground
from bench.suite import Suite, suite


@pytest.fixture
async def place(request: pytest.FixtureRequest) -> AsyncGenerator[Ground]:
    async with ground(f"e2e-{request.node.name[:40]}") as place:
        place.extra["KAFKA_SESSION_SECONDS"] = "3"
        yield place


@pytest.fixture
async def running(place: Ground) -> AsyncGenerator[Suite]:
    async with suite(place) as running:
        yield running
