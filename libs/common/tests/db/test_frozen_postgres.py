"""A Postgres that holds its connections and answers nothing counts as away."""

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from common.db import Database, DatabaseAway, Sql
from common.errors import Unavailable
from common.lanes import Job, LaneWorker, NewJob, Queue, create_lane_tables, enqueue
from common.testing import eventually
from devstack import postgres
from devstack.children import Child
from devstack.ports import free_port

pytestmark = pytest.mark.integration

_ANSWER = Sql("select 42")
_SLOW = Sql("select pg_sleep(30)")
_QUEUE = Queue("frozen", lease=timedelta(seconds=2), first_wait=timedelta(seconds=0.1))
_SECONDS = 2.0
"""Longer than a connection is waited for when it is given back."""


@dataclass
class Server:
    """A server of our own: the one that other tests share must not stand still."""

    url: str
    child: Child
    _frozen: list[int] = field(default_factory=list)

    def freeze(self) -> None:
        """Stop every process of it where it stands; the kernel goes on taking connections."""
        parent = self.child.process.pid
        os.kill(parent, signal.SIGSTOP)
        self._frozen = [parent]
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and _parent_of(entry) == parent:
                os.kill(int(entry.name), signal.SIGSTOP)
                self._frozen.append(int(entry.name))

    def thaw(self) -> None:
        for process in self._frozen:
            os.kill(process, signal.SIGCONT)
        self._frozen.clear()


def _parent_of(process: Path) -> int:
    try:
        # After the name in brackets: the state, then the parent.
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


@pytest.fixture
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="parley-frozen-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        folder.chmod(0o711)
        plan = postgres.PostgresPlan(folder / "postgres", folder / "postgres.log", free_port())
        child = asyncio.run(postgres.start(plan))
        server = Server(plan.url, child)
        try:
            yield server
        finally:
            server.thaw()
            child.stop()


@pytest_asyncio.fixture
async def database(server: Server) -> AsyncGenerator[Database]:
    database = Database(server.url, pool_size=3, statement_seconds=_SECONDS)
    yield database
    await database.close()


async def _hold_open(database: Database, frozen: asyncio.Event) -> None:
    async with database.transaction() as connection:
        await connection.execute(_ANSWER)
        await frozen.wait()
        await connection.execute(_ANSWER)


async def _ask_as_a_tenant(database: Database) -> None:
    async with database.tenant_transaction(role="postgres", tenant="ten_1") as connection:
        await connection.execute(_ANSWER)


async def test_whoever_asks_a_frozen_postgres_hears_that_it_is_away_and_is_served_again_afterwards(
    server: Server, database: Database
) -> None:
    frozen = asyncio.Event()
    held = asyncio.create_task(_hold_open(database, frozen))
    # A connection for each of them: a new one would be given up sooner.
    await asyncio.gather(database.execute(_ANSWER), _ask_as_a_tenant(database))
    server.freeze()
    frozen.set()
    began = time.monotonic()
    asked = [database.execute(_ANSWER), _ask_as_a_tenant(database)]
    told = await asyncio.gather(held, *asked, return_exceptions=True)
    took = time.monotonic() - began

    assert [type(one) for one in told] == [DatabaseAway] * 3
    # The statement, its taking back, and a new connection that is not answered either.
    assert took < 2 * _SECONDS + 6
    server.thaw()
    answers = await asyncio.gather(*(database.execute(_ANSWER) for _ in range(6)))
    assert [one.scalar() for one in answers] == [42] * 6


async def test_a_statement_that_takes_too_long_is_taken_back_and_its_connection_goes_on(
    database: Database,
) -> None:
    who = Sql("select pg_backend_pid()")
    before = (await database.execute(who)).scalar()
    with pytest.raises(Unavailable):
        await database.execute(_SLOW)
    assert (await database.execute(who)).scalar() == before


def _create(connection: Connection) -> None:
    create_lane_tables(Operations(MigrationContext.configure(connection)))


async def _make_lanes(server: Server) -> None:
    engine = create_async_engine(server.url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.begin() as connection:
        await connection.run_sync(_create)
    await engine.dispose()


async def _order(database: Database, command: str) -> None:
    async with database.transaction() as connection:
        await enqueue(connection, _QUEUE, [NewJob("lane", command, b"", "ten_a")])


async def _is_empty(database: Database) -> bool:
    return (await database.execute(Sql("select pending from lane"))).scalar() == 0


async def test_a_connection_that_broke_while_it_prepared_counts_as_away(database: Database) -> None:
    """As asyncpg says it of a server that shut the connection in the middle of a statement."""
    with pytest.raises(Unavailable):
        async with database.transaction():
            raise asyncpg.InternalClientError("cannot switch to state 11")


async def test_a_lane_that_met_a_frozen_postgres_goes_on_without_a_restart(
    server: Server, database: Database
) -> None:
    await _make_lanes(server)
    done: list[str] = []

    async def work(job: Job) -> None:
        await database.execute(_ANSWER)
        done.append(job.command_id)

    worker, stop = LaneWorker(database, _QUEUE, work), asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    await _order(database, "before")
    await eventually(partial(_is_empty, database))
    server.freeze()
    with pytest.raises(Unavailable):
        await _order(database, "refused")
    server.thaw()
    await _order(database, "after")
    await eventually(lambda: done == ["before", "after"])
    assert worker.stalled() is None
    stop.set()
    await running
