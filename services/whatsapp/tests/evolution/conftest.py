"""A server for each test."""

from collections.abc import AsyncGenerator

import pytest
from evolution_server import Server, evolution_server


@pytest.fixture
async def server() -> AsyncGenerator[Server]:
    async with evolution_server() as server:
        yield server
