"""One engine per process, and the only way to open a transaction."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg
import orjson
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from common.errors import Unavailable

_PASSING = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.InterfaceError,
)


def create_engine(url: str, *, pool_size: int = 10, application: str = "parley") -> AsyncEngine:
    """Make the process's engine; nothing connects before the first transaction."""
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=False,
        pool_recycle=1800,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        connect_args={"timeout": 5, "server_settings": {"application_name": application}},
    )


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncGenerator[AsyncConnection]:
    """Open a transaction as the service itself; commit on success only.

    Raises:
        Unavailable: Postgres is away, shutting down, or broke a deadlock at our cost.
    """
    try:
        async with engine.begin() as connection:
            yield connection
    except (DBAPIError, PoolTimeout, OSError) as error:
        if is_passing(error):
            raise Unavailable(f"Postgres is away: {_name(error)}") from error
        raise


@asynccontextmanager
async def tenant_transaction(
    engine: AsyncEngine, *, role: str, tenant: str
) -> AsyncGenerator[AsyncConnection]:
    """Open a transaction that sees one tenant's rows only, whatever its statements forget.

    The role is bound by row-level security, which reads `parley.tenant_id`. Both settings end
    with the transaction, so a pooled connection never carries them to the next tenant.

    Raises:
        Unavailable: Postgres is away.
    """
    async with transaction(engine) as connection:
        await connection.execute(_BECOME, {"role": role, "tenant": tenant})
        yield connection


_BECOME = text(
    "select set_config('role', :role, true), set_config('parley.tenant_id', :tenant, true)"
)


def is_passing(error: BaseException) -> bool:
    """Tell an outage or a lost race from a statement that will never work."""
    if isinstance(error, PoolTimeout | OSError):
        return True
    if isinstance(error, DBAPIError):
        cause = getattr(error.orig, "__cause__", None) or error.orig
        return error.connection_invalidated or isinstance(cause, (*_PASSING, OSError))
    return isinstance(error, (*_PASSING, OperationalError, InterfaceError))


def _name(error: BaseException) -> str:
    cause = getattr(getattr(error, "orig", None), "__cause__", None) or error
    return type(cause).__name__
