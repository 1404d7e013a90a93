"""Every service's migrations go up, down and up again, agree with its tables, and isolate."""

import importlib
from collections.abc import AsyncGenerator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from common.contracts import SERVICES
from common.db import Database, api_role, migrate, unprotected_tables

pytestmark = pytest.mark.integration


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(fresh_database: str) -> str:
    return fresh_database.replace("postgresql://", "postgresql+asyncpg://")


@pytest.fixture
async def engine(url: str, service: str) -> AsyncGenerator[AsyncEngine]:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(
            text(f"""
            do $$ begin create role {api_role(service)} nologin;
            exception when duplicate_object or unique_violation then null; end $$""")
        )
    yield engine
    await engine.dispose()


async def test_up_down_up(url: str, service: str, engine: AsyncEngine) -> None:
    package = f"{service}_service.migrations"
    head = await migrate(url, package)
    assert await migrate(url, package) == head
    assert await migrate(url, package, revision="base") == "base"
    async with engine.connect() as connection:
        left = await connection.execute(
            text("select tablename from pg_tables where schemaname = 'public'")
        )
        assert set(left.scalars()) <= {"alembic_version"}
    assert await migrate(url, package) == head


async def test_tables_and_migrations_say_the_same(
    url: str, service: str, engine: AsyncEngine
) -> None:
    await migrate(url, f"{service}_service.migrations")
    metadata = importlib.import_module(f"{service}_service.tables").Base.metadata

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_every_table_with_a_tenant_is_isolated(
    url: str, service: str, engine: AsyncEngine
) -> None:
    await migrate(url, f"{service}_service.migrations")
    database = Database(url)
    assert await unprotected_tables(database) == set()
    await database.close()
