"""A migrated database, a tenant in it, and the gateway as it is built."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx2
import pytest

from common.auth import ApiKey
from common.bus import Bus, InProcessBus
from common.contracts import TenantId
from common.db import Database
from gateway_service.app.contexts import context_opener
from gateway_service.app.wiring import build
from gateway_service.domain.usecases import accounts as usecases
from gateway_service.settings import Settings

MakeSettings = Callable[..., Settings]


@pytest.fixture
def database(migrated_database: Callable[[str], str]) -> str:
    return migrated_database("gateway")


@pytest.fixture
async def engine(database: str) -> AsyncGenerator[Database]:
    engine = Database(database)
    yield engine
    await engine.close()


@dataclass
class Tenant:
    """A tenant and its first key."""

    id: TenantId
    key: ApiKey

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key.reveal()}"}


@pytest.fixture
async def bakery(engine: Database) -> Tenant:
    return await make_tenant(engine, "Bakery")


async def make_tenant(engine: Database, name: str) -> Tenant:
    async with context_opener(engine)() as context:
        tenant, key = await usecases.create_tenant(context, name)
    return Tenant(tenant.id, key)


@asynccontextmanager
async def client_of(settings: Settings, bus: Bus | None = None) -> AsyncGenerator[Any]:
    async with build(settings, "api", bus) as parts:
        assert parts.api is not None
        transport = httpx2.ASGITransport(parts.api)
        async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
            yield client


@pytest.fixture
async def client(settings: MakeSettings, database: str) -> AsyncGenerator[httpx2.AsyncClient]:
    async with client_of(settings(database=database), InProcessBus()) as client:
        yield client


@pytest.fixture
def new_tenant(engine: Database) -> Callable[[str], Awaitable[Tenant]]:
    return partial(make_tenant, engine)


@pytest.fixture(name="client_of")
def client_of_fixture() -> Callable[..., AbstractAsyncContextManager[httpx2.AsyncClient]]:
    return client_of
