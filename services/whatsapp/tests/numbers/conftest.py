"""One house for all tests of a module; each test has tenants and numbers of its own."""

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from number_house import House, Tenant, open_house

from devstack import databases
from devstack.pytest_plugin import in_own_loop


@pytest.fixture(scope="module")
def two_databases(postgres_url: str) -> Iterator[tuple[str, str]]:
    names = [f"test_{uuid4().hex[:16]}" for _ in range(2)]
    for name in names:
        in_own_loop(databases.create(postgres_url, name))
    try:
        yield databases.at(postgres_url, names[0]), databases.at(postgres_url, names[1])
    finally:
        for name in names:
            in_own_loop(databases.drop(postgres_url, name))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(
    two_databases: tuple[str, str], kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[House]:
    objects: Path = tmp_path_factory.mktemp("objects")
    async with open_house(
        two_databases,
        kafka_bootstrap,
        objects.as_uri(),
        check_seconds=1000,
        create_seconds=3,
        connecting_seconds=1,
        silence_seconds=1,
        media_max_bytes=2_000_000,
    ) as house:
        yield house


@pytest_asyncio.fixture(loop_scope="module")
async def tenant(house: House) -> AsyncGenerator[Tenant]:
    yield await house.tenant()
    await house.mend()
