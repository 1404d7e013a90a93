"""Statements about messages and how far they came."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from common.contracts import ChatId, CommandId, DeliveryStatus, EventId, IntegrationId, MessageId
from common.db import Connection, Sql
from whatsapp_service.domain.model import Integration
from whatsapp_service.domain.model.levels import LEVELS
from whatsapp_service.domain.ports import Delivered, KnownMessage, MessageKey, StoredMessage

_INSERT = """
    insert into whatsapp_message as m
        (integration_id, message_id, tenant_id, chat_id, outgoing, kind, text, content, sent_at,
         command_id, participant)
    select * from json_to_recordset(cast(:rows as json)) as row(
        integration_id text, message_id text, tenant_id text, chat_id text, outgoing boolean,
        kind text, text text, content json, sent_at timestamptz, command_id text,
        participant text)"""
# One JSON parameter instead of ten arrays: asyncpg looks at every element of an array in Python.
_STORE = Sql(f"""{_INSERT}
    on conflict (integration_id, message_id) do nothing
    returning integration_id, message_id""")
_CLAIM = Sql(f"""{_INSERT}
    on conflict (integration_id, message_id) do update set command_id = excluded.command_id
        where m.command_id is null
    returning integration_id, message_id, xmax = 0 as inserted""")
_KNOWN = Sql("""
    select m.integration_id, m.message_id, m.chat_id, m.command_id from whatsapp_message m
    join unnest(cast(:integrations as text[]), cast(:ids as text[])) as x(integration_id, id)
      on m.integration_id = x.integration_id and m.message_id = x.id""")
_ENRICH = Sql("""
    update whatsapp_message m set
        kind = row.kind, text = case when m.edited_at is null then row.text else m.text end,
        content = row.content
    from json_to_recordset(cast(:rows as json)) as row(
        integration_id text, message_id text, kind text, text text, content json)
    where m.integration_id = row.integration_id and m.message_id = row.message_id
      and m.deleted_at is null and row.kind <> 'unsupported'
      and (m.kind = 'unsupported' or m.text = '' and row.text <> '' and m.edited_at is null
           or m.content -> 'media' is null and row.content -> 'media' is not null)
    returning m.integration_id, m.message_id""")
_EDIT = Sql("""
    update whatsapp_message set text = :text, edited_at = :at
    where integration_id = :integration and message_id = :id and text <> :text""")
_DELETE = Sql("""
    update whatsapp_message set deleted_at = :at
    where integration_id = :integration and message_id = :id and deleted_at is null""")
_DELIVER = Sql("""
    with moved as (insert into delivery as d
        (integration_id, message_id, tenant_id, status, level, delivered_at, read_at)
    select row.*, case when level >= 3 then now() end, case when level >= 4 then now() end
    from unnest(
        cast(:integrations as text[]), cast(:ids as text[]), cast(:tenants as text[]),
        cast(:statuses as text[]), cast(:levels as bigint[]))
      as row(integration_id, message_id, tenant_id, status, level)
    on conflict (integration_id, message_id) do update set
        status = excluded.status, level = excluded.level, updated_at = now(),
        delivered_at = coalesce(d.delivered_at, excluded.delivered_at),
        read_at = coalesce(d.read_at, excluded.read_at)
        where d.level < excluded.level
    returning integration_id, message_id)
    select moved.integration_id, moved.message_id, m.chat_id, m.command_id from moved
    left join whatsapp_message m using (integration_id, message_id)""")
_DELIVERIES = Sql("""
    select d.integration_id, d.message_id, d.status from delivery d
    join unnest(cast(:integrations as text[]), cast(:ids as text[])) as x(integration_id, id)
      on d.integration_id = x.integration_id and d.message_id = x.id""")
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
_KEEP = Sql("""
    insert into inbound_event (id, tenant_id, integration_id, chat_id, event, reason, body)
    values (:id, :tenant, :integration, :chat, :event, :reason, cast(:body as jsonb))
    on conflict (id) do nothing""")
_DROP = Sql("""
    delete from inbound_event where id in (
        select id from inbound_event where received_at < :before
        order by received_at limit :limit
        for update skip locked)""")


class PostgresMessages:
    """Messages and deliveries, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def store(self, messages: Sequence[StoredMessage]) -> set[MessageKey]:
        """Keep messages; returns the keys that were new."""
        theirs = [message for message in messages if message.command_id is None]
        ours = [message for message in messages if message.command_id is not None]
        new: set[MessageKey] = set()
        if theirs:
            stored = list(await self._connection.execute(_STORE, _rows(theirs)))
            all_new = len(stored) == len(theirs)
            new |= {one.key for one in theirs} if all_new else {_key(row) for row in stored}
        if ours:
            rows = await self._connection.execute(_CLAIM, _rows(ours))
            new |= {_key(row) for row in rows if row[2]}
        return new

    async def enrich(self, copies: Sequence[StoredMessage]) -> set[MessageKey]:
        """Complete messages by later copies of them that tell more; returns those that gained."""
        return {_key(row) for row in await self._connection.execute(_ENRICH, _rows(copies))}

    async def known(self, keys: Sequence[MessageKey]) -> dict[MessageKey, KnownMessage]:
        """Find the chats of messages."""
        rows = await self._connection.execute(_KNOWN, _among(keys))
        return {_key(row): _known(row) for row in rows}

    async def edit(self, key: MessageKey, text: str, at: datetime) -> bool:
        """Change a message's words; False when they are these already."""
        return await self._connection.change(_EDIT, {**_where(key), "text": text, "at": at}) == 1

    async def delete(self, key: MessageKey, at: datetime) -> bool:
        """Mark a message as deleted for everyone; False when it is."""
        return await self._connection.change(_DELETE, {**_where(key), "at": at}) == 1

    async def delivered(self, updates: Sequence[Delivered]) -> dict[Delivered, KnownMessage | None]:
        """Move messages forward, never back; returns those that moved, None if not ours yet."""
        furthest: dict[MessageKey, Delivered] = {}
        for update in updates:
            held = furthest.get(update.key)
            if held is None or LEVELS[update.status] > LEVELS[held.status]:
                furthest[update.key] = update
        batch = [furthest[key] for key in sorted(furthest)]
        rows = await self._connection.execute(
            _DELIVER,
            {
                "integrations": [u.key.integration_id for u in batch],
                "ids": [u.key.message_id for u in batch],
                "tenants": [u.tenant for u in batch],
                "statuses": [u.status for u in batch],
                "levels": [LEVELS[u.status] for u in batch],
            },
        )
        return {furthest[_key(row)]: _known(row) if row[2] else None for row in rows}

    async def deliveries(self, keys: Sequence[MessageKey]) -> dict[MessageKey, DeliveryStatus]:
        """Say how far messages came, also when the ack overtook the message."""
        rows = await self._connection.execute(_DELIVERIES, _among(keys))
        return {_key(row): DeliveryStatus(row[2]) for row in rows}

    async def keep_event(
        self, integration: Integration, *, chat: ChatId, event_id: EventId, reason: str, body: Any
    ) -> None:
        """Keep whole what we could not read, of a chat or of one that would get this id."""
        await self._connection.execute(
            _KEEP,
            {
                "id": event_id,
                "tenant": integration.tenant,
                "integration": integration.id,
                "chat": chat,
                "event": str((body or {}).get("event", "")),
                "reason": reason,
                "body": _storable(body),
            },
        )

    async def drop_events(self, before: datetime, limit: int) -> int:
        """Delete a number of kept events that are older; returns how many went."""
        return await self._connection.change(_DROP, {"before": before, "limit": limit})


def _rows(messages: Sequence[StoredMessage]) -> dict[str, str]:
    return {"rows": orjson.dumps([_written(message) for message in messages]).decode()}


def _written(message: StoredMessage) -> dict[str, Any]:
    row = {
        "integration_id": message.key.integration_id,
        "message_id": message.key.message_id,
        "tenant_id": message.tenant,
        "chat_id": message.chat_id,
        "outgoing": message.outgoing,
        "kind": message.kind,
        "text": message.text,
        "content": orjson.Fragment(message.content),
        "sent_at": message.sent_at,
        "command_id": message.command_id,
    }
    if message.participant is not None:
        row["participant"] = message.participant
    return row


def _known(row: Any) -> KnownMessage:
    return KnownMessage(ChatId(row[2]), CommandId(row[3]) if row[3] else None)


def _key(row: Any) -> MessageKey:
    return MessageKey(IntegrationId(row[0]), MessageId(row[1]))


def _storable(body: Any) -> str:
    """Write JSON without NUL, which a provider may send and Postgres cannot hold."""
    return _NUL.sub(r"\g<1>\\ufffd", orjson.dumps(body).decode())


def _among(keys: Sequence[MessageKey]) -> dict[str, list[str]]:
    return {
        "integrations": [key.integration_id for key in keys],
        "ids": [key.message_id for key in keys],
    }


def _where(key: MessageKey) -> dict[str, str]:
    return {"integration": key.integration_id, "id": key.message_id}
