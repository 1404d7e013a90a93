"""A service's database, as one command on the command line uses it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from common.db import Database
from common.settings import ServiceSettings


@asynccontextmanager
async def command_database(name: str, settings: ServiceSettings) -> AsyncGenerator[Database]:
    """Open one connection's worth of a service's database, and close it after the command."""
    database = Database(
        settings.sqlalchemy_url,
        pool_size=1,
        application=f"{name}-cli",
        statement_seconds=settings.statement_seconds,
    )
    try:
        yield database
    finally:
        await database.close()
