"""Statements about runs: their journals, and what was used."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from agent_service.domain.model import Step, Turn
from agent_service.repository.rows import step_of, steps_json
from agent_service.repository.statements import STEPS
from common.contracts import AgentId, ConversationId, RunId, TenantId
from common.db import Connection, Sql

_JOURNAL = Sql(f"""
    with begun as (
        insert into run
            (id, tenant_id, conversation_id, turn_id, upto_seq, agent_id, outcome, answer, model,
             input_tokens, cached_tokens, output_tokens)
        values (:run, :tenant, :id, :turn, :upto, :agent, 'open', '', '', 0, 0, 0)
        on conflict (id) do nothing)
    {STEPS}""")
_ENTER = Sql(STEPS)
_EARLIER = Sql("""
    select * from run_step s
    where s.run_id = any(cast(:runs as text[])) and s.kind in ('model', 'tool')
      and s.state <> 'started' and exists (
        select 1 from run_step t where t.run_id = s.run_id and t.kind = 'tool')
    order by s.run_id, s.seq""")
_BY = {
    "agent": "agent_id",
    "model": "model",
    "day": "to_char(created_at at time zone 'utc', 'YYYY-MM-DD')",
}


_LAST_AGENT = Sql("""
    select agent_id from run
    where conversation_id = :id and answer <> '' and outcome not in ('superseded', 'dropped')
    order by created_at desc limit 1""")


class PostgresRuns:
    """Runs, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def journal(self, turn: Turn, steps: Sequence[Step]) -> None:
        """Write steps down, or what became of them, in the run of this turn."""
        await self._connection.execute(
            _JOURNAL,
            {
                "run": turn.run.id,
                "tenant": turn.agent.tenant,
                "id": turn.conversation.id,
                "turn": turn.id,
                "upto": turn.run.upto_seq,
                "agent": turn.agent.id,
                "steps": steps_json(steps),
            },
        )

    async def earlier(self, runs: Collection[str]) -> dict[str, tuple[Step, ...]]:
        """Read what runs asked of tools and were told, by run."""
        rows = await self._connection.execute(_EARLIER, {"runs": sorted(runs)})
        found: dict[str, list[Step]] = {}
        for row in rows:
            found.setdefault(row["run_id"], []).append(step_of(row))
        return {run: tuple(steps) for run, steps in found.items()}

    async def last_agent(self, conversation: ConversationId) -> AgentId | None:
        """Name the agent that has answered last; None when none has."""
        rows = await self._connection.execute(_LAST_AGENT, {"id": conversation})
        return rows.scalar()

    async def enter(
        self, run: RunId, owner: tuple[TenantId, AgentId, ConversationId], step: Step
    ) -> None:
        """Write a single step of work outside of turns: a summary, a transcription."""
        tenant, agent, conversation = owner
        await self._connection.execute(
            _ENTER,
            {
                "run": run,
                "tenant": tenant,
                "agent": agent,
                "id": conversation,
                "steps": steps_json([step]),
            },
        )

    async def usage(self, since: date, until: date, by: Sequence[str]) -> list[dict[str, Any]]:
        """Add up what was used in [since, until), grouped by agent, model or day."""
        rows = await self._connection.execute(_usage(by), {"since": since, "until": until})
        return [dict(row) for row in rows]


def _usage(by: Sequence[str]) -> Sql:
    columns = [f'{_BY[name]} as "{name}"' for name in by]
    places = ", ".join(str(n + 1) for n in range(len(by)))
    return Sql(f"""
        select {", ".join([*columns, ""])} count(*) as calls,
            coalesce(sum(input_tokens), 0)::bigint as input_tokens,
            coalesce(sum(cached_tokens), 0)::bigint as cached_tokens,
            coalesce(sum(output_tokens), 0)::bigint as output_tokens,
            coalesce(sum(cost_micros), 0)::bigint as cost_micros,
            coalesce(bool_and(priced), true) as priced
        from run_step
        where model <> '' and created_at >= cast(:since as date)::timestamp at time zone 'utc'
          and created_at < cast(:until as date)::timestamp at time zone 'utc'
        {f"group by {places} order by {places}" if by else ""}""")
