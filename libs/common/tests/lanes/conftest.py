"""A database with lane tables in it."""

from collections.abc import AsyncGenerator

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from common.db import Database
from common.lanes import create_lane_tables


def _create(connection: Connection) -> None:
    create_lane_tables(Operations(MigrationContext.configure(connection)))


@pytest.fixture
async def database(fresh_database: str) -> AsyncGenerator[Database]:
    engine = create_async_engine(fresh_database.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.begin() as connection:
        await connection.run_sync(_create)
    await engine.dispose()
    database = Database(fresh_database)
    yield database
    await database.close()
