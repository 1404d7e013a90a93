"""One pool per process, and the only way to open a transaction.

Statements run on asyncpg itself: measured here, SQLAlchemy's asyncio layer costs 126 µs of CPU a
statement where asyncpg costs 18, and a message passes seventy statements on its way. SQLAlchemy
keeps what it is best at: the schema (`tables.py`), its migrations, and their comparison.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol, Self

import asyncpg
import orjson

from common.errors import InvalidInput, Unavailable

_NAMED = re.compile(r"(?<!:):([a-z_]+)")
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
    # What asyncpg says of a connection that the server has just shut, until it hears of that.
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
BROKEN = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""How a connection of one's own ends, whatever it was that ended it: make another."""
REFUSING = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
)
"""How a server turns us away at its door; inside, these would be bugs."""
_UNWRITABLE = (asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError)
STATEMENT_SECONDS = 10.0
"""Of one statement, unless settings say otherwise; taking it back may last as long again."""
_ACQUIRE_SECONDS = 10.0
_CONNECT_SECONDS = 5.0
_RELEASE_SECONDS = 1.0


class DatabaseAway(Unavailable):
    """Postgres does not answer, or does not let us in."""

    @classmethod
    def of(cls, error: Exception) -> Self:
        """Say what is known of it without saying where it is: tenants may read this."""
        trouble = "refuses us" if isinstance(error, REFUSING) else "is away"
        return cls(f"Postgres {trouble}: {type(error).__name__}")


class Sql:
    """One statement with named parameters (`:name`), compiled once for asyncpg."""

    __slots__ = ("names", "query")

    def __init__(self, statement: str) -> None:
        names: dict[str, int] = {}

        def numbered(match: re.Match[str]) -> str:
            return f"${names.setdefault(match[1], len(names) + 1)}"

        self.query = _NAMED.sub(numbered, statement)
        self.names = tuple(names)


class Rows:
    """What a statement returned; each row answers to names and to positions."""

    __slots__ = ("_records",)

    def __init__(self, records: list[Any]) -> None:
        self._records = records

    def __iter__(self) -> Iterator[Any]:
        return iter(self._records)

    def first(self) -> Any | None:
        """The first row, or None."""
        return self._records[0] if self._records else None

    def one(self) -> Any:
        """The only row.

        Raises:
            LookupError: there is none, or more than one.
        """
        if len(self._records) != 1:
            raise LookupError(f"{len(self._records)} rows instead of one")
        return self._records[0]

    def scalar(self) -> Any | None:
        """The first value of the first row, or None."""
        return self._records[0][0] if self._records else None

    def scalars(self) -> list[Any]:
        """The first value of every row."""
        return [record[0] for record in self._records]


class Executes(Protocol):
    """Runs single statements: a `Connection` in its transaction, a `Database` each in its own."""

    async def execute(self, statement: Sql, values: Mapping[str, Any] | None = None) -> Rows:
        """Run a statement and give the rows it returned."""


class Connection:
    """One transaction's view of the database."""

    __slots__ = ("_driver",)

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    async def execute(self, statement: Sql, values: Mapping[str, Any] | None = None) -> Rows:
        """Run a statement and give the rows it returned."""
        return Rows(await self._driver.fetch(statement.query, *_ordered(statement, values)))

    async def change(self, statement: Sql, values: Mapping[str, Any] | None = None) -> int:
        """Run a statement that returns no rows; gives how many it changed."""
        status: str = await self._driver.execute(statement.query, *_ordered(statement, values))
        return int(status.rpartition(" ")[2])

    async def copy(
        self, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]
    ) -> None:
        """Append many rows, in order; not for roles that row-level security binds."""
        await self._driver.copy_records_to_table(table, records=rows, columns=columns)


def _ordered(statement: Sql, values: Mapping[str, Any] | None) -> list[Any]:
    return [values[name] for name in statement.names] if values else []


class Database:
    """A service's database; nothing connects before the first transaction."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        application: str = "parley",
        statement_seconds: float = STATEMENT_SECONDS,
    ) -> None:
        self._options: dict[str, Any] = {
            "dsn": plain_url(url),
            "min_size": 0,
            "max_size": pool_size,
            "timeout": _CONNECT_SECONDS,
            # A server that holds its connections and answers nothing counts as away.
            "command_timeout": statement_seconds,
            "init": _teach_json,
            # Our only session state is set for one transaction: nothing is left to reset.
            "reset": _keep,
            # Planned once: what depends on the length of an array was planned anew each time,
            # at twice the price of running it.
            "server_settings": {
                "application_name": application,
                "plan_cache_mode": "force_generic_plan",
            },
        }
        self._pool: Any = None
        self._opening = asyncio.Lock()

    async def close(self) -> None:
        """Close every connection."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.terminate()

    @property
    def in_use(self) -> tuple[int, int]:
        """How many connections work, and how many there are."""
        if self._pool is None:
            return 0, 0
        size = self._pool.get_size()
        return size - self._pool.get_idle_size(), size

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Connection]:
        """Open a transaction as the service itself; commit on success only.

        Raises:
            Unavailable: Postgres is away, silent, shutting down, or broke a deadlock at our cost.
            InvalidInput: a text holds the one character that Postgres cannot hold.
        """
        driver = await self._acquire()
        try:
            async with driver.transaction():
                yield Connection(driver)
        except _PASSING as error:
            raise DatabaseAway.of(error) from error
        except _UNWRITABLE as error:
            raise InvalidInput("A text holds U+0000, which cannot be kept.") from error
        finally:
            await self._release(driver)

    @asynccontextmanager
    async def tenant_transaction(self, *, role: str, tenant: str) -> AsyncGenerator[Connection]:
        """Open a transaction that sees one tenant's rows only, whatever its statements forget.

        The role is bound by row-level security, which reads `parley.tenant_id`. Both settings
        end with the transaction, so a pooled connection never carries them to the next tenant.
        Its statements filter by what the caller asked for, so they are planned for that.

        Raises:
            Unavailable: Postgres is away.
        """
        async with self.transaction() as connection:
            await connection.execute(_BECOME, {"role": role, "tenant": tenant})
            yield connection

    async def execute(self, statement: Sql, values: Mapping[str, Any] | None = None) -> Rows:
        """Run one statement that is a transaction of its own.

        Raises:
            Unavailable: Postgres is away.
        """
        driver = await self._acquire()
        try:
            return await Connection(driver).execute(statement, values)
        except _PASSING as error:
            raise DatabaseAway.of(error) from error
        except _UNWRITABLE as error:
            raise InvalidInput("A text holds U+0000, which cannot be kept.") from error
        finally:
            await self._release(driver)

    async def _acquire(self) -> Any:
        try:
            if self._pool is None:
                async with self._opening:
                    if self._pool is None:
                        self._pool = await asyncpg.create_pool(**self._options)
            return await self._pool.acquire(timeout=_ACQUIRE_SECONDS)
        except (*_PASSING, *REFUSING) as error:
            raise DatabaseAway.of(error) from error

    async def _release(self, driver: Any) -> None:
        if self._pool is not None:
            # A statement that is being taken back is waited for a little, then its connection is
            # ended; what became of the statement was told already.
            with suppress(*_PASSING):
                await self._pool.release(driver, timeout=_RELEASE_SECONDS)


_BECOME = Sql("""
    select set_config('role', :role, true), set_config('parley.tenant_id', :tenant, true),
           set_config('plan_cache_mode', 'auto', true)""")


def plain_url(url: str) -> str:
    """Give an address without SQLAlchemy's driver name in it."""
    return url.replace("postgresql+asyncpg://", "postgresql://", 1)


async def _teach_json(driver: Any) -> None:
    """Read JSON as Python values; write Python values, or text that is JSON already."""
    for kind in ("json", "jsonb"):
        await driver.set_type_codec(
            kind,
            encoder=lambda value: value if isinstance(value, str) else orjson.dumps(value).decode(),
            decoder=orjson.loads,
            schema="pg_catalog",
        )


async def _keep(_: Any) -> None:
    return None
