"""Tenants are strangers: every table of every service, with the API role and the wrong tenant."""

import importlib
from collections.abc import AsyncGenerator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table, delete, func, insert, select, text, update
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from common.contracts import SERVICES
from common.db import api_role, create_engine, migrate, tenant_transaction, transaction

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
async def engine(fresh_database: str, service: str) -> AsyncGenerator[AsyncEngine]:
    url = fresh_database.replace("postgresql://", "postgresql+asyncpg://")
    engine = create_engine(url)
    async with transaction(engine) as connection:
        await connection.execute(
            text(f"""
            do $$ begin create role {api_role(service)} nologin;
            exception when duplicate_object or unique_violation then null; end $$""")
        )
    await migrate(url, f"{service}_service.migrations")
    yield engine
    await engine.dispose()


async def test_a_foreign_row_cannot_be_seen_changed_deleted_or_forged(
    engine: AsyncEngine, service: str
) -> None:
    tables = tenant_tables(service)
    assert tables
    role = api_role(service)
    for table in tables:
        async with transaction(engine) as connection:
            await connection.execute(insert(table).values(a_row(table, OURS)))
        for tenant in (THEIRS, ""):
            async with tenant_transaction(engine, role=role, tenant=tenant) as connection:
                seen = await connection.execute(select(func.count()).select_from(table))
                changed = await connection.execute(update(table).values(tenant_id=tenant))
                gone = await connection.execute(delete(table))
                assert (seen.scalar(), changed.rowcount, gone.rowcount) == (0, 0, 0), table.name
        with pytest.raises(ProgrammingError, match="row-level security"):
            async with tenant_transaction(engine, role=role, tenant=THEIRS) as connection:
                await connection.execute(insert(table).values(a_row(table, OURS)))
        async with tenant_transaction(engine, role=role, tenant=OURS) as connection:
            seen = await connection.execute(select(func.count()).select_from(table))
            assert seen.scalar() == 1, table.name


async def test_the_api_role_reads_neither_inbox_nor_outbox(
    engine: AsyncEngine, service: str
) -> None:
    for table in ("inbox", "outbox"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with tenant_transaction(
                engine, role=api_role(service), tenant=OURS
            ) as connection:
                await connection.execute(text(f"select * from {table}"))
