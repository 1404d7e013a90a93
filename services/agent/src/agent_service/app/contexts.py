"""Transactions as the use cases see them: for one batch, one job, or one tenant's request."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from agent_service.domain.ports import Context, Opener, OpenForTenant
from agent_service.repository import (
    PostgresAgents,
    PostgresArchive,
    PostgresBudgets,
    PostgresChores,
    PostgresConversations,
    PostgresFacts,
    PostgresFollowUps,
    PostgresHttpTools,
    PostgresLibrary,
    PostgresRuns,
)
from common.contracts import TenantId, utc_now
from common.db import Connection, Database, Inbox, Outbox, api_role

NAME = "agent"
SOURCE = "parley/agent"


@dataclass(slots=True)
class Wake:
    """Who is told when a transaction has left something for them."""

    relay: Callable[[], None]
    turns: Callable[[], None] = lambda: None
    chores: Callable[[], None] = lambda: None


def context_opener(database: Database, wake: Wake) -> Opener:
    """Open what one batch or one job may touch; commit on success only, then wake who waits."""

    @asynccontextmanager
    async def open_context() -> AsyncGenerator[Context]:
        async with database.transaction() as connection:
            outbox = Outbox(connection, source=SOURCE, on_commit=wake.relay)
            conversations, chores = PostgresConversations(connection), PostgresChores(connection)
            yield _context(connection, outbox, conversations, chores)
            await outbox.flush()
        outbox.committed()
        if conversations.queued:
            wake.turns()
        if chores.queued:
            wake.chores()

    return open_context


def tenant_opener(database: Database, nudge: Callable[[], None]) -> OpenForTenant:
    """Open what one request may touch: the rows of its tenant."""

    @asynccontextmanager
    async def open_for(tenant: TenantId) -> AsyncGenerator[Context]:
        async with database.tenant_transaction(role=api_role(NAME), tenant=tenant) as connection:
            outbox = Outbox(connection, source=SOURCE, on_commit=nudge)
            chores = PostgresChores(connection)
            yield _context(connection, outbox, PostgresConversations(connection), chores)
            await outbox.flush()
        outbox.committed()

    return open_for


def _context(
    connection: Connection,
    outbox: Outbox,
    conversations: PostgresConversations,
    chores: PostgresChores,
) -> Context:
    return Context(
        inbox=Inbox(connection),
        outbox=outbox,
        agents=PostgresAgents(connection),
        conversations=conversations,
        runs=PostgresRuns(connection),
        budgets=PostgresBudgets(connection),
        facts=PostgresFacts(connection),
        follow_ups=PostgresFollowUps(connection),
        library=PostgresLibrary(connection),
        http_tools=PostgresHttpTools(connection),
        chores=chores,
        archive=PostgresArchive(connection),
        now=utc_now,
        connection=connection,
    )
