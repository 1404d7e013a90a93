"""Statements about what is known of contacts, and what is to be said to them later."""

from dataclasses import replace
from datetime import datetime

from agent_service.domain.model import Conversation, Fact, FollowUp
from common.contracts import ChatId, ConversationId, TenantId
from common.db import Connection, Sql

_KEEP = Sql("""
    insert into contact_fact (tenant_id, contact_id, kind, name, value)
    values (:tenant, :contact, :kind, :name, :value)
    on conflict (tenant_id, contact_id, kind, name) do update set
        value = excluded.value, updated_at = now()""")


class PostgresFacts:
    """What is known about contacts, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def keep(self, tenant: TenantId, contact: ChatId, fact: Fact) -> None:
        """Write a fact, in the place of an older one of its name."""
        values = {"tenant": tenant, "contact": contact, "kind": fact.kind}
        await self._connection.execute(_KEEP, values | {"name": fact.name, "value": fact.value})


_ADD_FOLLOW_UP = Sql("""
    with added as (
        insert into follow_up (id, tenant_id, conversation_id, text, due_at, cancel_on_reply)
        values (:follow_up, :tenant, :id, :text, :due, :cancel)
    ), counted as (
        update conversation set follow_ups = follow_ups + cast(:cancel as boolean)::int
        where id = :id
    )
    select count(*) + 1 from follow_up where conversation_id = :id and state = 'waiting'""")
_WAITING_FOLLOW_UP = Sql("""
    select id, text, due_at, cancel_on_reply from follow_up
    where id = :id and state = 'waiting' for update""")
_POSTPONE_FOLLOW_UP = Sql("update follow_up set due_at = :due where id = :id")
_END_FOLLOW_UP = Sql("update follow_up set state = :state where id = :id")
_CANCEL_FOLLOW_UPS = Sql("""
    update follow_up set state = 'cancelled'
    where conversation_id = :id and state = 'waiting'""")


class PostgresFollowUps:
    """What is to be said later, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, conversation: Conversation, follow_up: FollowUp) -> int:
        """Keep one; returns how many wait in this conversation now."""
        rows = await self._connection.execute(
            _ADD_FOLLOW_UP,
            {
                "follow_up": follow_up.id,
                "tenant": conversation.tenant,
                "id": conversation.id,
                "text": follow_up.text,
                "due": follow_up.due_at,
                "cancel": follow_up.cancel_on_reply,
            },
        )
        return int(rows.one()[0])

    async def waiting(self, follow_up: str) -> FollowUp | None:
        """Read and lock one; None when it was cancelled or said before."""
        row = (await self._connection.execute(_WAITING_FOLLOW_UP, {"id": follow_up})).first()
        return None if row is None else FollowUp(**dict(row))

    async def postpone(self, follow_up: FollowUp, until: datetime) -> FollowUp:
        """Give one another time."""
        await self._connection.execute(_POSTPONE_FOLLOW_UP, {"id": follow_up.id, "due": until})
        return replace(follow_up, due_at=until)

    async def end(self, follow_up: str, state: str) -> None:
        """Write down what became of one: `said` or `cancelled`."""
        await self._connection.execute(_END_FOLLOW_UP, {"id": follow_up, "state": state})

    async def cancel(self, conversation: ConversationId) -> None:
        """Cancel all that waits in a conversation."""
        await self._connection.execute(_CANCEL_FOLLOW_UPS, {"id": conversation})
