"""Statements about what we were asked to send, and the lanes it waits in."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from common.contracts import (
    CancelMessages,
    ChatId,
    CommandId,
    Envelope,
    IntegrationId,
    MessageId,
    SendMessage,
    TenantId,
)
from common.db import Connection, Sql
from common.lanes import NewJob, Queue, cancel, enqueue
from whatsapp_service.domain.model import Outbound, OutboundState, SentMessage

SENDS = Queue("sends", lease=timedelta(seconds=30), longest_wait=timedelta(seconds=60), paced=True)
"""One lane per chat; the pace key is the number."""

_COLUMNS = """
    command_id, tenant_id, integration_id, chat_id, text, typing_ms, state, created_at,
    attempt_at, expires_at, message_id"""

_ACCEPT = Sql("""
    insert into outbound
        (command_id, tenant_id, integration_id, chat_id, text, typing_ms, expires_at, state)
    select *, 'queued' from unnest(
        cast(:ids as text[]), cast(:tenants as text[]), cast(:integrations as text[]),
        cast(:chats as text[]), cast(:texts as text[]), cast(:typings as bigint[]),
        cast(:expiries as timestamptz[]))
    on conflict (command_id) do nothing
    returning command_id""")
_GET = Sql(f"select {_COLUMNS} from outbound where command_id = :id")
_IN_FLIGHT = Sql(f"""
    select {_COLUMNS} from outbound
    where chat_id = any(cast(:chats as text[])) and state in ('sending', 'unknown')""")
_BEGIN = Sql("""
    update outbound set state = 'sending', attempt_at = :at where command_id = :id""")
_END = Sql("""
    update outbound set
        state = :state, code = :code, reason = :reason,
        message_id = coalesce(:message, message_id), sent_at = coalesce(:sent_at, sent_at)
    where command_id = :id""")
_ECHO = Sql("""
    select m.message_id, m.content ->> 'remote_jid', m.sent_at from whatsapp_message m
    where m.command_id = :id and m.integration_id = :integration
    order by m.sent_at limit 1""")
_CLAIMED = Sql("""
    select message_id from whatsapp_message
    where integration_id = :integration and message_id = any(cast(:ids as text[]))
      and command_id is not null""")
_LANES = Sql("""
    select distinct j.lane_key from outbound o
    join lane_job j on j.queue = :queue and j.command_id = o.command_id
    where o.tenant_id = :tenant and o.state = 'queued'
      and o.chat_id in (select coalesce(merged_into, id) from chat where id = :chat)
    order by j.lane_key""")
_LOCK = Sql("select 1 from lane where queue = :queue and key = :key for update")
_WAITING = Sql("""
    select o.command_id from outbound o
    join lane_job j on j.queue = :queue and j.command_id = o.command_id
    where j.lane_key = :key and o.tenant_id = :tenant and o.state = 'queued'
      and (:every or o.command_id = any(cast(:named as text[])))""")
_CANCELLED = Sql("""
    update outbound set state = 'cancelled', code = 'cancelled', reason = :reason
    where command_id = any(cast(:ids as text[]))
    returning command_id""")


class PostgresOutbound:
    """Messages to be sent, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.queued = 0
        """How many jobs this transaction leaves for the sender."""

    async def accept(self, commands: Sequence[Envelope[SendMessage]]) -> set[CommandId]:
        """Note commands and queue them in their chats' lanes; returns the new ones."""
        if not commands:
            return set()
        rows = await self._connection.execute(
            _ACCEPT,
            {
                "ids": [c.event.command_id for c in commands],
                "tenants": [c.tenant for c in commands],
                "integrations": [c.event.integration_id for c in commands],
                "chats": [c.event.chat_id for c in commands],
                # Postgres cannot hold NUL, and nobody can read it.
                "texts": [c.event.content.text.replace("\0", "") for c in commands],
                "typings": [c.event.typing_ms for c in commands],
                "expiries": [c.event.expires_at for c in commands],
            },
        )
        new = set(rows.scalars())
        jobs = [_job(c) for c in commands if c.event.command_id in new]
        queued = await enqueue(self._connection, SENDS, jobs)
        self.queued += len(queued)
        return {CommandId(one) for one in queued}

    async def get(self, command_id: CommandId) -> Outbound | None:
        """Find one."""
        row = (await self._connection.execute(_GET, {"id": command_id})).first()
        return None if row is None else _outbound(row)

    async def in_flight(self, chats: Sequence[ChatId]) -> list[Outbound]:
        """Find those whose call has begun and not ended, in these chats."""
        rows = await self._connection.execute(_IN_FLIGHT, {"chats": list(chats)})
        return [_outbound(row) for row in rows]

    async def begin_attempt(self, command_id: CommandId, at: datetime) -> None:
        """Note that a call to the provider begins."""
        await self._connection.execute(_BEGIN, {"id": command_id, "at": at})

    async def end(
        self,
        command_id: CommandId,
        state: OutboundState,
        *,
        sent: SentMessage | None = None,
        code: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Note how it ended, or that nobody knows."""
        await self._connection.execute(
            _END,
            {
                "id": command_id,
                "state": state,
                "code": code,
                "reason": reason,
                "message": sent.message_id if sent else None,
                "sent_at": sent.sent_at if sent else None,
            },
        )

    async def echo_of(self, outbound: Outbound) -> SentMessage | None:
        """Find the outgoing message that a webhook reported as this command's."""
        row = (
            await self._connection.execute(
                _ECHO, {"id": outbound.command_id, "integration": outbound.integration_id}
            )
        ).first()
        return None if row is None else SentMessage(MessageId(row[0]), row[1] or "", row[2])

    async def unclaimed(
        self, integration_id: IntegrationId, sent: Sequence[SentMessage]
    ) -> SentMessage | None:
        """Pick the oldest of these that no command has claimed as its own."""
        if not sent:
            return None
        rows = await self._connection.execute(
            _CLAIMED, {"integration": integration_id, "ids": [s.message_id for s in sent]}
        )
        claimed = set(rows.scalars())
        free = [s for s in sent if s.message_id not in claimed]
        return min(free, key=lambda s: s.sent_at, default=None)

    async def cancel(
        self, tenant: TenantId, command: CancelMessages, *, reason: str
    ) -> list[CommandId]:
        """Take back what still waits (all of the chat when none is named).

        A merged chat has more than one lane. What a call has begun for stays, whether it is in
        hand or waits to be settled: it may be out already.
        """
        lanes = await self._connection.execute(
            _LANES, {"queue": SENDS.name, "tenant": tenant, "chat": command.chat_id}
        )
        taken: list[str] = []
        for key in lanes.scalars():
            lane = {"queue": SENDS.name, "key": key}
            # No call begins while we hold the lane, so what waits now still waits below.
            await self._connection.execute(_LOCK, lane)
            named = list(command.command_ids)
            waiting = await self._connection.execute(
                _WAITING, {**lane, "tenant": tenant, "every": not named, "named": named}
            )
            taken += await cancel(self._connection, SENDS, key, waiting.scalars())
        rows = await self._connection.execute(_CANCELLED, {"ids": taken, "reason": reason})
        return [CommandId(one) for one in rows.scalars()]


def _lane(tenant: TenantId, chat_id: ChatId) -> str:
    return f"{tenant}:{chat_id}"


def _job(command: Envelope[SendMessage]) -> NewJob:
    return NewJob(
        key=_lane(command.tenant, command.event.chat_id),
        command_id=command.event.command_id,
        payload=b"",
        tenant=command.tenant,
        due_at=command.event.not_before,
        pace_key=command.event.integration_id,
        traceparent=command.traceparent,
    )


def _outbound(row: Any) -> Outbound:
    return Outbound(
        command_id=CommandId(row["command_id"]),
        tenant=TenantId(row["tenant_id"]),
        integration_id=IntegrationId(row["integration_id"]),
        chat_id=ChatId(row["chat_id"]),
        text=row["text"],
        state=OutboundState(row["state"]),
        created_at=row["created_at"],
        typing_ms=row["typing_ms"],
        attempt_at=row["attempt_at"],
        expires_at=row["expires_at"],
        message_id=MessageId(row["message_id"]) if row["message_id"] else None,
    )
