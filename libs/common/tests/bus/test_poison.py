"""Records that cannot even be written down whole: they are buried, and nobody dies of them."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import pytest

from common.bus import Dispatcher, Record, Router
from common.bus.records import Partition, Received
from common.contracts import (
    ChatId,
    Envelope,
    EventId,
    IntegrationId,
    SendMessage,
    TenantId,
    Text,
    Topic,
    new_id,
    utc_now,
)
from common.contracts.cloudevents import encode_headers
from common.db import Database, Inbox, Outbox, Sql, unpacked_headers
from common.errors import InvalidInput

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="function")]

_OUTBOX = Sql("select key, headers from outbox order by seq")


@dataclass(frozen=True)
class Context:
    """What the runtime itself needs of a transaction."""

    inbox: Inbox
    outbox: Outbox


def opener(database: Database) -> Callable[[], AbstractAsyncContextManager[Context]]:
    @asynccontextmanager
    async def open_context() -> AsyncGenerator[Context]:
        async with database.transaction() as connection:
            outbox = Outbox(connection, source="test")
            yield Context(Inbox(connection), outbox)
            await outbox.flush()

    return open_context


def refusing() -> Router[Context]:
    router = Router[Context]()

    @router.on(SendMessage)
    async def refuse(envelope: Envelope[SendMessage], context: Context) -> None:
        raise InvalidInput("never")

    return router


def received(record: Record) -> Received:
    place = Partition(Topic.WHATSAPP_COMMANDS, 0)
    return Received(place, 7, record.key, record.value, tuple(record.headers), 0, 0.0)


def command(event_id: str, chat: str) -> Record:
    event = SendMessage(
        command_id=new_id("cmd"),
        chat_id=ChatId(chat),
        integration_id=IntegrationId("int_1"),
        content=Text(text="hello"),
    )
    envelope = Envelope(EventId(event_id), TenantId("ten"), utc_now(), event, "test")
    return Record(event.topic, chat, event.model_dump_json().encode(), encode_headers(envelope))


@pytest.mark.parametrize(
    ("event_id", "key"),
    [("evt_1", "a\0b"), ("a\0b", "chat"), ("0123456789abcdef" * 400, "chat"), ("a\0b", "\0")],
)
async def test_what_postgres_cannot_hold_ends_in_the_dead_letters(
    migrated_database: Callable[[str], str], event_id: str, key: str
) -> None:
    database = Database(migrated_database("whatsapp"))
    dispatcher = Dispatcher("whatsapp", refusing(), opener(database))

    await dispatcher.handle_alone(received(command(event_id, key)), asyncio.Semaphore(1))

    [row] = await database.execute(_OUTBOX)
    await database.close()
    headers = dict(unpacked_headers(row["headers"]))
    assert row["key"] == key.replace("\0", "")
    assert headers["dl_key"] == key.encode()
    assert headers["ce_id"] == event_id.encode()
