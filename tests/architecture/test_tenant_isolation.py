"""Tenants are strangers: every table of every service, with the API role and the wrong tenant."""

import importlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table, delete, func, insert, select, text, update
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from common.contracts import SERVICES
from common.db import api_role

pytestmark = pytest.mark.integration

OURS, THEIRS = "ten_a", "ten_b"
_SAMPLES: dict[type, Any] = {
    str: "x",
    int: 1,
    float: 1.0,
    bool: True,
    bytes: b"x",
    datetime: datetime(2026, 11, 23, tzinfo=UTC),
    date: date(2026, 11, 23),
    timedelta: timedelta(seconds=1),
    dict: {},
    object: {},
    list: [],
}


def tenant_tables(service: str) -> list[Table]:
    metadata = importlib.import_module(f"{service}_service.tables").Base.metadata
    return [table for table in metadata.sorted_tables if "tenant_id" in table.c]


def a_row(table: Table, tenant: str) -> dict[str, Any]:
    """Any row that the table takes."""
    needed = [c for c in table.c if not c.nullable and c.server_default is None]
    row = {column.name: _SAMPLES[column.type.python_type] for column in needed}
    return {**row, "tenant_id": tenant}


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def engine(
    migrated_database: Callable[[str], str], service: str
) -> AsyncGenerator[AsyncEngine]:
    address = migrated_database(service).replace("postgresql://", "postgresql+asyncpg://")
    engine = create_async_engine(address)
    yield engine
    await engine.dispose()


@asynccontextmanager
async def as_tenant(engine: AsyncEngine, role: str, tenant: str) -> AsyncGenerator[AsyncConnection]:
    """What `Database.tenant_transaction` does, for statements built from the tables."""
    async with engine.begin() as connection:
        await connection.execute(
            text("select set_config('role', :r, true), set_config('parley.tenant_id', :t, true)"),
            {"r": role, "t": tenant},
        )
        yield connection


async def test_a_foreign_row_cannot_be_seen_changed_deleted_or_forged(
    engine: AsyncEngine, service: str
) -> None:
    tables = tenant_tables(service)
    assert tables
    role = api_role(service)
    for table in tables:
        async with engine.begin() as connection:
            await connection.execute(insert(table).values(a_row(table, OURS)))
        for tenant in (THEIRS, ""):
            async with as_tenant(engine, role, tenant) as connection:
                seen = await connection.execute(select(func.count()).select_from(table))
                changed = await connection.execute(update(table).values(tenant_id=tenant))
                gone = await connection.execute(delete(table))
                assert (seen.scalar(), changed.rowcount, gone.rowcount) == (0, 0, 0), table.name
        with pytest.raises(ProgrammingError, match="row-level security"):
            async with as_tenant(engine, role, THEIRS) as connection:
                await connection.execute(insert(table).values(a_row(table, OURS)))
        async with as_tenant(engine, role, OURS) as connection:
            seen = await connection.execute(select(func.count()).select_from(table))
            assert seen.scalar() == 1, table.name


async def test_the_api_role_reads_neither_inbox_nor_outbox(
    engine: AsyncEngine, service: str
) -> None:
    for table in ("inbox", "outbox"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with as_tenant(engine, api_role(service), OURS) as connection:
                await connection.execute(text(f"select * from {table}"))
