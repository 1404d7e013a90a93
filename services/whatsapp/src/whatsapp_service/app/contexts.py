"""Transactions as the use cases see them: for one batch, one job, or one tenant's request."""

from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson

from common.auth import Keyring
from common.contracts import CommandId, IntegrationId, MessageId, TenantId, utc_now
from common.db import Connection, Database, Inbox, Outbox, api_role
from common.lanes import ParkedJob
from whatsapp_service.domain.model import Integration
from whatsapp_service.domain.model.media import FileState
from whatsapp_service.domain.ports import Context, Opener, OpenForTenant
from whatsapp_service.domain.ports.files import Ending
from whatsapp_service.domain.usecases.abandon import abandon
from whatsapp_service.domain.usecases.media import end as end_file
from whatsapp_service.repository import (
    CARE,
    MEDIA,
    PostgresCare,
    PostgresChats,
    PostgresFiles,
    PostgresIntegrations,
    PostgresMessages,
    PostgresOptOuts,
    PostgresOutbound,
    PostgresPaces,
    forget_lane,
)

NAME = "whatsapp"
SOURCE = "parley/whatsapp"


@dataclass(slots=True)
class Wake:
    """Who is told when a transaction has left something for them."""

    relay: Callable[[], None]
    sender: Callable[[Collection[str]], None] = lambda _: None
    """Takes the names of the queues that got something."""


def context_opener(database: Database, keyring: Keyring, wake: Wake) -> Opener:
    """Open what one batch or one job may touch; commit on success only, then wake who waits."""

    @asynccontextmanager
    async def open_context() -> AsyncGenerator[Context]:
        async with database.transaction() as connection:
            outbox = Outbox(connection, source=SOURCE, on_commit=wake.relay)
            outbound = PostgresOutbound(connection)
            yield _context(connection, outbox, outbound, keyring)
            await outbox.flush()
        outbox.committed()
        if outbound.queued:
            wake.sender(outbound.queued)

    return open_context


async def when_parked(connection: Connection, job: ParkedJob) -> None:
    """Say what became of what was given up, by the worker or by hand."""
    if job.queue == MEDIA.name:
        await file_given_up(connection, job)
    elif job.queue != CARE.name:
        await _send_given_up(connection, job)


async def file_given_up(connection: Connection, job: ParkedJob) -> None:
    """Say that there will be no file; asked for again, it is fetched again."""
    hint = orjson.loads(job.payload)
    if "discard" in hint:
        return  # It stays where an operator finds it: somebody's file is still there.
    files, outbox = PostgresFiles(connection), Outbox(connection, source=SOURCE)
    file = await files.get(IntegrationId(hint["integration"]), MessageId(hint["message"]))
    if file is not None and file.state is FileState.WAITING:
        await end_file(files, outbox, file, Ending(FileState.FAILED, reason=job.reason))
    await forget_lane(connection, job.key)
    await outbox.flush()


async def _send_given_up(connection: Connection, job: ParkedJob) -> None:
    outbox = Outbox(connection, source=SOURCE)
    await abandon(PostgresOutbound(connection), outbox, CommandId(job.command_id), job.reason)
    await outbox.flush()


def tenant_opener(database: Database, keyring: Keyring, nudge: Callable[[], None]) -> OpenForTenant:
    """Open what one request may touch: the rows of its tenant."""

    @asynccontextmanager
    async def open_for(tenant: TenantId) -> AsyncGenerator[Context]:
        async with database.tenant_transaction(role=api_role(NAME), tenant=tenant) as connection:
            outbox = Outbox(connection, source=SOURCE, on_commit=nudge)
            yield _context(connection, outbox, PostgresOutbound(connection), keyring)
            await outbox.flush()
        outbox.committed()

    return open_for


def _context(
    connection: Connection, outbox: Outbox, outbound: PostgresOutbound, keyring: Keyring
) -> Context:
    def seal(token: str, integration: Integration) -> str:
        return keyring.seal(token, context=("integration.token", integration.tenant))

    return Context(
        inbox=Inbox(connection),
        outbox=outbox,
        integrations=PostgresIntegrations(connection, seal=seal),
        chats=PostgresChats(connection),
        messages=PostgresMessages(connection),
        outbound=outbound,
        opt_outs=PostgresOptOuts(connection),
        paces=PostgresPaces(connection),
        care=PostgresCare(connection),
        files=PostgresFiles(connection),
        now=utc_now,
        connection=connection,
    )
