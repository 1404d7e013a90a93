"""A database with lane tables in it."""

from collections.abc import AsyncGenerator

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from common.db import create_engine
from common.lanes import create_lane_tables


def _create(connection: Connection) -> None:
    create_lane_tables(Operations(MigrationContext.configure(connection)))


@pytest.fixture
async def engine(fresh_database: str) -> AsyncGenerator[AsyncEngine]:
    engine = create_engine(fresh_database.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.begin() as connection:
        await connection.run_sync(_create)
    yield engine
    await engine.dispose()
