"""Statements that read a conversation whole, or forget it."""

from typing import Any

from agent_service.domain.model import Conversation, Fact
from agent_service.repository.hearing import lane_of
from common.contracts import ConversationId
from common.db import Connection, Sql

_RUNS = Sql("""
    select r.id, r.turn_id, r.upto_seq, r.outcome, r.answer, r.reason, r.model, r.input_tokens,
           r.cached_tokens, r.output_tokens, r.cost_micros, r.latency_ms, r.created_at, r.ended_at,
           coalesce((
               select jsonb_agg(jsonb_build_object(
                   'seq', s.seq, 'kind', s.kind, 'state', s.state, 'name', s.name,
                   'input', s.input, 'output', s.output, 'model', s.model,
                   'input_tokens', s.input_tokens, 'cached_tokens', s.cached_tokens,
                   'output_tokens', s.output_tokens, 'cost_micros', s.cost_micros,
                   'latency_ms', s.latency_ms) order by s.seq)
               from run_step s where s.run_id = r.id), '[]'::jsonb) as steps
    from run r
    where r.conversation_id = :id and (cast(:upto as bigint) is null or r.upto_seq <= :upto)
    order by r.created_at desc limit :limit""")
_FACTS = Sql("""
    select kind, name, value from (
        select kind, name, value from contact_fact
        where tenant_id = :tenant and contact_id = :contact
        order by updated_at desc, kind, name limit :limit) newest
    order by kind, name""")
_FOLLOW_UPS = Sql("""
    select text, due_at, state from follow_up
    where conversation_id = :id order by due_at desc limit :limit""")
_FORGET = (
    # What was paid for stays countable; what was said does not.
    Sql("""
        update run_step set input = '{}', output = '{}', name = '', call_id = ''
        where conversation_id = :id"""),
    Sql("update run set answer = '', reason = '' where conversation_id = :id"),
    Sql("delete from line where conversation_id = :id"),
    Sql("delete from follow_up where conversation_id = :id"),
    Sql("delete from contact_fact where tenant_id = :tenant and contact_id = :contact"),
    # Its numbers go on, as the sender would take a command of the same name for one it has sent.
    # Closed, so that nobody takes it for one that is answered.
    Sql("""
        update conversation set
            state = 'closed', last_seq = next_seq - 1, answered_seq = next_seq - 1,
            turn_id = null, turn_deadline = null, held_until = null, human_until = null,
            paused_as = null, summary = '', summary_upto = next_seq - 1, pending = null,
            follow_ups = 0, known_as = '', forgotten_at = now()
        where id = :id"""),
    # Whoever has a turn in hand loses it, and cannot write down what it was about to say.
    Sql("""
        update lane set token = token + 1, leased = false, due_at = now()
        where queue = 'turns' and key = :lane and leased"""),
)


class PostgresArchive:
    """Whole conversations, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def runs(
        self, conversation: ConversationId, *, limit: int, upto: int | None = None
    ) -> list[dict[str, Any]]:
        """List runs with their steps, the newest first; those that had read up to a line."""
        values = {"id": conversation, "limit": limit, "upto": upto}
        rows = await self._connection.execute(_RUNS, values)
        return [dict(row) for row in rows]

    async def facts(self, conversation: Conversation, *, limit: int) -> list[Fact]:
        """List what is known of the contact, by name: the newest, notes of the team included."""
        values = {"tenant": conversation.tenant, "contact": conversation.chat_id}
        rows = await self._connection.execute(_FACTS, values | {"limit": limit})
        return [Fact(row["kind"], row["name"], row["value"]) for row in rows]

    async def follow_ups(self, conversation: ConversationId, *, limit: int) -> list[dict[str, Any]]:
        """List what was to be said later and what became of it, the latest first."""
        rows = await self._connection.execute(_FOLLOW_UPS, {"id": conversation, "limit": limit})
        return [dict(row) for row in rows]

    async def forget(self, conversation: Conversation) -> None:
        """Delete what was said and what is known of the contact; the sums of runs stay."""
        values = {
            "id": conversation.id,
            "tenant": conversation.tenant,
            "contact": conversation.chat_id,
            "lane": lane_of(conversation.tenant, conversation.id),
        }
        for statement in _FORGET:
            await self._connection.execute(statement, values)
