"""The real database, watched: a test can stop or kill a worker between any two of its steps."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from common.db import Connection, Database, Rows, Sql

AtStep = Callable[[str], Awaitable[None]]


async def nothing_happens(_: str) -> None:
    """The steps of a worker that nobody disturbs."""


class ObservedDatabase(Database):
    """The real database, which tells before and after everything that is done to it."""

    def __init__(self, real: Database, at: AtStep) -> None:
        self._real = real
        self._at = at

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Connection]:
        await self._at("outside: begin")
        async with self._real.transaction() as connection:
            yield ObservedConnection(connection, self._at)
            await self._at("inside: commit")
        await self._at("outside: committed")

    async def execute(self, statement: Sql, values: Mapping[str, Any] | None = None) -> Rows:
        await self._at("outside: begin")
        rows = await self._real.execute(statement, values)
        await self._at("outside: committed")
        return rows


class ObservedConnection(Connection):
    """The real transaction, which tells after every statement."""

    __slots__ = ("_at", "_real")

    def __init__(self, real: Connection, at: AtStep) -> None:
        self._real = real
        self._at = at

    async def execute(self, statement: Sql, values: Mapping[str, Any] | None = None) -> Rows:
        rows = await self._real.execute(statement, values)
        await self._at("inside: statement")
        return rows

    async def change(self, statement: Sql, values: Mapping[str, Any] | None = None) -> int:
        count = await self._real.change(statement, values)
        await self._at("inside: statement")
        return count
