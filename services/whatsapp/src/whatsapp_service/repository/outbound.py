"""Statements about what we were asked to send, and the lanes it waits in."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from common.contracts import (
    CancelMessages,
    ChatId,
    CommandId,
    DeliveryStatus,
    Envelope,
    MessageId,
    SendMessage,
    TenantId,
)
from common.db import Connection, Sql
from common.lanes import NewJob, Queue, cancel, enqueue
from whatsapp_service.domain.model import Outbound, OutboundState, SentMessage
from whatsapp_service.domain.ports import Accepted, PartSent, Target
from whatsapp_service.repository.outbound_rows import (
    COLUMNS,
    broadcast_pace,
    dumped,
    read_outbound,
    read_target,
    write_command,
    write_part,
)
from whatsapp_service.repository.settings_rows import DEFAULTS

SENDS = Queue("sends", lease=timedelta(seconds=30), longest_wait=timedelta(seconds=60), paced=True)
"""Replies: one lane per chat; the pace key is the number."""
BROADCASTS = Queue(
    "broadcasts", lease=timedelta(seconds=30), longest_wait=timedelta(minutes=5), paced=True
)
"""What nobody waits for has lanes, a pace and workers of its own: it can never delay a reply."""
_QUEUES = {queue.name: queue for queue in (SENDS, BROADCASTS)}

_ACCEPT = Sql("""
    insert into outbound
        (command_id, tenant_id, integration_id, chat_id, kind, text, content, typing_ms, priority,
         expires_at, exempt, state, code, reason)
    select row.*, cast(:exempt as boolean),
           case when out.chat_id is null then 'queued' else 'failed' end,
           case when out.chat_id is not null then 'opted_out' end,
           case when out.chat_id is not null then
               'The customer wrote "' || out.word || '": nothing is sent until they opt in.' end
    from json_to_recordset(cast(:rows as json)) as row(
        command_id text, tenant_id text, integration_id text, chat_id text, kind text, text text,
        content jsonb, typing_ms bigint, priority text, expires_at timestamptz)
    left join opt_out out on out.chat_id = row.chat_id and not cast(:exempt as boolean)
    on conflict (command_id) do nothing
    returning command_id, state""")
_GET = Sql(f"select {COLUMNS} from outbound o where command_id = any(cast(:ids as text[]))")
_IN_FLIGHT = Sql(f"""
    select {COLUMNS} from outbound o
    where chat_id = any(cast(:chats as text[])) and state in ('sending', 'unknown')""")
_END = Sql("""
    update outbound set
        state = :state, code = :code, reason = :reason, sent_at = coalesce(:at, sent_at)
    where command_id = :id""")
# The chat is the command's of now: it may have been merged since the command was read.
_PARTS_SENT = Sql("""
    with part as (
        select * from json_to_recordset(cast(:rows as json)) as row(
            command_id text, state text, message_id text, remote_jid text, sent_at timestamptz,
            next_at timestamptz, kind text, text text, content json)
    ), noted as (
        update outbound o set
            state = part.state, sent_ids = o.sent_ids || part.message_id,
            message_id = part.message_id, remote_jid = part.remote_jid, sent_at = part.sent_at,
            attempt_at = coalesce(part.next_at, o.attempt_at), code = null, reason = null
        from part where o.command_id = part.command_id
        returning o.command_id, o.tenant_id, o.integration_id, o.chat_id, part.message_id
    ), stored as (
        insert into whatsapp_message as m
            (integration_id, message_id, tenant_id, chat_id, outgoing, kind, text, content, sent_at,
             command_id)
        select noted.integration_id, noted.message_id, noted.tenant_id, noted.chat_id, true,
               part.kind, part.text, part.content, part.sent_at, noted.command_id
        from noted join part using (command_id)
        order by noted.integration_id, noted.message_id
        on conflict (integration_id, message_id) do update set command_id = excluded.command_id
            where m.command_id is null
    )
    select noted.command_id, d.status from noted
    join delivery d using (integration_id, message_id)""")
_ECHO = Sql("""
    select m.message_id, m.sent_at from whatsapp_message m
    where m.command_id = :id and m.integration_id = :integration
      and not m.message_id = any(cast(:known as text[]))
    order by m.sent_at limit 1""")
_CLAIMED = Sql("""
    select message_id from whatsapp_message
    where integration_id = :integration and message_id = any(cast(:ids as text[]))
      and (command_id <> :mine or message_id = any(cast(:known as text[])))""")
_TARGETS = Sql("""
    select m.message_id, m.outgoing, o.remote_jid, m.participant,
           case when m.content -> 'group' is not null then m.content -> 'sender' end
    from whatsapp_message m
    left join outbound o on o.command_id = m.command_id and m.message_id = any(o.sent_ids)
    where m.integration_id = :integration and m.chat_id = :chat
      and m.message_id = any(cast(:ids as text[]))""")
_LANES = Sql("""
    select distinct j.queue, j.lane_key from outbound o
    join lane_job j on j.queue = any(cast(:queues as text[])) and j.command_id = o.command_id
    where o.tenant_id = :tenant and o.state = 'queued'
      and o.chat_id in (select coalesce(merged_into, id) from chat where id = :chat)
    order by j.queue, j.lane_key""")
_LOCK = Sql("select 1 from lane where queue = :queue and key = :key for update")
_WAITING = Sql("""
    select o.command_id from outbound o
    join lane_job j on j.queue = :queue and j.command_id = o.command_id
    where j.lane_key = :key and o.tenant_id = :tenant and o.state = 'queued' and not o.exempt
      and (:every or o.command_id = any(cast(:named as text[])))
    for update of o""")
_CANCELLED = Sql("""
    update outbound set state = 'cancelled', code = :code, reason = :reason
    where command_id = any(cast(:ids as text[]))
    returning command_id""")
_HAVE_PACE = Sql("""
    insert into pace (key, tenant_id, gap, jitter)
    select key, tenant, :gap, :jitter
    from unnest(cast(:keys as text[]), cast(:tenants as text[])) as row(key, tenant)
    order by key
    on conflict (key) do nothing""")
_JITTER = 0.5


class PostgresOutbound:
    """Messages to be sent, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.queued: set[str] = set()
        """The queues in which this transaction leaves something for the sender."""

    async def accept(
        self, commands: Sequence[Envelope[SendMessage]], *, exempt: bool = False
    ) -> Accepted:
        """Note commands and queue them in their chats' lanes, replies apart from broadcasts."""
        if not commands:
            return Accepted(set(), [], [])
        rows = await self._connection.execute(
            _ACCEPT, {"rows": dumped(map(write_command, commands)), "exempt": exempt}
        )
        states = {CommandId(row[0]): row[1] for row in rows}
        queued = {one for one, state in states.items() if state == OutboundState.QUEUED}
        others = {c.event.command_id for c in commands} - queued
        known = await self._found(list(others)) if others else []
        waiting = [c for c in commands if c.event.command_id in queued]
        await self._enqueue(SENDS, [c for c in waiting if c.event.priority == "reply"])
        await self._enqueue(BROADCASTS, [c for c in waiting if c.event.priority == "broadcast"])
        refused = [one for one in known if one.command_id in states]
        return Accepted(queued, refused, [one for one in known if one.command_id not in states])

    async def _enqueue(self, queue: Queue, commands: Sequence[Envelope[SendMessage]]) -> None:
        if not commands:
            return
        jobs = [_job(queue, command) for command in commands]
        if queue is BROADCASTS:
            paces = {job.pace_key: job.tenant for job in jobs}
            await self._connection.execute(
                _HAVE_PACE,
                {
                    "keys": list(paces),
                    "tenants": list(paces.values()),
                    "gap": DEFAULTS.broadcast_gap,
                    "jitter": _JITTER,
                },
            )
        if await enqueue(self._connection, queue, jobs):
            self.queued.add(queue.name)

    async def get(self, command_id: CommandId) -> Outbound | None:
        """Find one."""
        found = await self._found([command_id])
        return found[0] if found else None

    async def _found(self, ids: list[CommandId]) -> list[Outbound]:
        return list(map(read_outbound, await self._connection.execute(_GET, {"ids": ids})))

    async def in_flight(self, chats: Sequence[ChatId]) -> list[Outbound]:
        """Find those whose call has begun and not ended, in these chats."""
        rows = await self._connection.execute(_IN_FLIGHT, {"chats": list(chats)})
        return list(map(read_outbound, rows))

    async def end(
        self,
        command_id: CommandId,
        state: OutboundState,
        *,
        code: str | None = None,
        reason: str | None = None,
        at: datetime | None = None,
    ) -> None:
        """Note how it ended, or that nobody knows."""
        values = {"id": command_id, "state": state, "code": code, "reason": reason, "at": at}
        await self._connection.execute(_END, values)

    async def parts_sent(self, done: Sequence[PartSent]) -> dict[CommandId, DeliveryStatus]:
        """Keep parts that are out, and note calls for next ones that begin with it."""
        rows = await self._connection.execute(_PARTS_SENT, {"rows": dumped(map(write_part, done))})
        return {CommandId(row[0]): DeliveryStatus(row[1]) for row in rows}

    async def echo_of(self, outbound: Outbound) -> SentMessage | None:
        """Find the outgoing message that a webhook reported as this command's next part."""
        rows = await self._connection.execute(
            _ECHO,
            {
                "id": outbound.command_id,
                "integration": outbound.integration_id,
                "known": list(outbound.sent_ids),
            },
        )
        row = rows.first()
        return None if row is None else SentMessage(MessageId(row[0]), "", row[1])

    async def unclaimed(
        self, outbound: Outbound, sent: Sequence[SentMessage]
    ) -> SentMessage | None:
        """Pick the oldest of these that no other command, and no earlier part, has claimed."""
        if not sent:
            return None
        rows = await self._connection.execute(
            _CLAIMED,
            {
                "integration": outbound.integration_id,
                "ids": [s.message_id for s in sent],
                "mine": outbound.command_id,
                "known": list(outbound.sent_ids),
            },
        )
        claimed = set(rows.scalars())
        free = [s for s in sent if s.message_id not in claimed]
        return min(free, key=lambda s: s.sent_at, default=None)

    async def targets(
        self, outbound: Outbound, message_ids: Sequence[MessageId]
    ) -> dict[MessageId, Target]:
        """Find messages of the chat by their ids."""
        rows = await self._connection.execute(
            _TARGETS,
            {
                "integration": outbound.integration_id,
                "chat": outbound.chat_id,
                "ids": list(message_ids),
            },
        )
        return {MessageId(row[0]): read_target(row) for row in rows}

    async def cancel(
        self, tenant: TenantId, command: CancelMessages, *, reason: str, code: str = "cancelled"
    ) -> list[CommandId]:
        """Take back what still waits (all of the chat when none is named).

        A chat has a lane for replies and one for broadcasts, a merged chat those of both. What a
        call has begun for stays, whether it is in hand or waits to be settled: it may be out.
        """
        lanes = await self._connection.execute(
            _LANES, {"queues": list(_QUEUES), "tenant": tenant, "chat": command.chat_id}
        )
        taken: list[str] = []
        for queue, key in lanes:
            lane = {"queue": queue, "key": key}
            # Nobody else takes the lane, and no call begins for a row that we hold: what waits
            # now still waits below.
            await self._connection.execute(_LOCK, lane)
            named = list(command.command_ids)
            waiting = await self._connection.execute(
                _WAITING, {**lane, "tenant": tenant, "every": not named, "named": named}
            )
            taken += await cancel(self._connection, _QUEUES[queue], key, waiting.scalars())
        ended = {"ids": taken, "reason": reason, "code": code}
        rows = await self._connection.execute(_CANCELLED, ended)
        return [CommandId(one) for one in rows.scalars()]


def _job(queue: Queue, command: Envelope[SendMessage]) -> NewJob:
    lane = f"{command.tenant}:{command.event.chat_id}"
    number = command.event.integration_id
    apart = queue is BROADCASTS
    return NewJob(
        key=f"{lane}:broadcast" if apart else lane,
        command_id=command.event.command_id,
        payload=b"",
        tenant=command.tenant,
        due_at=command.event.not_before,
        pace_key=broadcast_pace(number) if apart else number,
        traceparent=command.traceparent,
    )
