"""Statements about conversations, their lines, their turns and their runs."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from agent_service.domain.model import (
    Answer,
    Conversation,
    Line,
    NewLine,
    Role,
    State,
    Turn,
    Usage,
    in_order_of_answers,
    turn_id,
)
from agent_service.repository import statements as sql
from agent_service.repository.agents import agent_of
from common.contracts import (
    AgentId,
    ChatId,
    ConversationId,
    IntegrationId,
    MessageId,
    TenantId,
)
from common.db import Connection
from common.lanes import NewJob, Queue, enqueue, postpone

TURNS = Queue("turns", lease=timedelta(seconds=30), longest_wait=timedelta(minutes=2))
"""One lane per conversation; the debounce is the due time of its turn."""
_LONGEST_TURN = 200
"""Lines of one turn that a model is shown at most."""


class PostgresConversations:
    """Conversations, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.queued = 0
        """How many turns this transaction opened or moved."""

    async def listen(
        self, lines: Sequence[NewLine], waits: dict[AgentId, tuple[float, float]], now: datetime
    ) -> None:
        """Add lines once each, in order; open a turn, or push its due time, for the customer's."""
        by_conversation: dict[ConversationId, list[NewLine]] = {}
        for line in lines:
            by_conversation.setdefault(line.conversation, []).append(line)
        if not by_conversation:
            return
        # In the order of ids, so that two transactions never lock the same rows crosswise.
        # The newest line says which agent has the number now.
        heads = [by_conversation[one][-1] for one in sorted(by_conversation)]
        states = await self._lock(heads)
        fresh = await self._add(lines, states)
        jobs: list[NewJob] = []
        for head in heads:
            new = [line for line in fresh.get(head.conversation, ()) if line[0].role == "customer"]
            if new and states[head.conversation]["state"] == State.BOT:
                job = await self._turn_for(
                    states[head.conversation], new[-1], waits[head.agent_id], now
                )
                jobs += [job] if job is not None else []
        await enqueue(self._connection, TURNS, jobs)

    async def _lock(self, heads: Sequence[NewLine]) -> dict[ConversationId, Any]:
        rows = await self._connection.execute(
            sql.LOCK,
            {
                "ids": [h.conversation for h in heads],
                "tenants": [h.tenant for h in heads],
                "agents": [h.agent_id for h in heads],
                "integrations": [h.integration_id for h in heads],
                "chats": [h.chat_id for h in heads],
            },
        )
        return {ConversationId(row["id"]): row for row in rows}

    async def _add(
        self, lines: Sequence[NewLine], states: dict[ConversationId, Any]
    ) -> dict[ConversationId, list[tuple[NewLine, int]]]:
        """Add the lines that are new; returns them with their places."""
        rows = await self._connection.execute(
            sql.ADD_LINES,
            {
                "conversations": [line.conversation for line in lines],
                "tenants": [line.tenant for line in lines],
                "roles": [line.role for line in lines],
                "texts": [line.text for line in lines],
                "messages": [line.message_id for line in lines],
                "ats": [line.at for line in lines],
            },
        )
        places = {(row[0], row[1]): row[2] for row in rows}
        fresh: dict[ConversationId, list[tuple[NewLine, int]]] = {}
        for line in lines:
            seq = places.pop((line.conversation, line.message_id), None)
            if seq is not None:
                fresh.setdefault(line.conversation, []).append((line, seq))
        return {one: found for one, found in fresh.items() if one in states}

    async def _turn_for(
        self,
        conversation: Any,
        newest: tuple[NewLine, int],
        wait: tuple[float, float],
        now: datetime,
    ) -> NewJob | None:
        """Open a turn and give its job, or push the due time of the open one."""
        line, seq = newest
        quiet, longest = wait
        due = now + timedelta(seconds=quiet)
        failures = await self._failures(conversation["turn_id"])
        if failures is not None:
            # A turn that failed waits as long as the other side asked for, whoever writes.
            if failures == 0:
                due = min(due, conversation["turn_deadline"])
                await postpone(self._connection, TURNS, _lane(line.tenant, line.conversation), due)
                self.queued += 1
            return None
        turn = turn_id(line.conversation, seq)
        deadline = now + timedelta(seconds=max(quiet, longest))
        await self._connection.execute(
            sql.OPEN_TURN, {"id": line.conversation, "turn": turn, "deadline": deadline}
        )
        self.queued += 1
        return NewJob(
            key=_lane(line.tenant, line.conversation),
            command_id=turn,
            payload=line.conversation.encode(),
            tenant=line.tenant,
            due_at=due if quiet > 0 else None,
            traceparent=line.traceparent,
        )

    async def _failures(self, open_turn: str | None) -> int | None:
        """How often the open turn has failed; None when there is none that will ever run."""
        if open_turn is None:
            return None
        row = await self._connection.execute(
            sql.TURN_FAILURES, {"queue": TURNS.name, "turn": open_turn}
        )
        return row.scalar()

    async def turn(self, turn_id: str, conversation: ConversationId) -> Turn | None:
        """Read what must be answered, with the conversation locked; None when nothing must."""
        row = (
            await self._connection.execute(sql.TURN, {"id": conversation, "turn": turn_id})
        ).first()
        if row is None:
            return None
        found, unanswered = _conversation(row), row["last_seq"] - row["answered_seq"]
        if row["agent"] is None or found.state is not State.BOT or unanswered <= 0:
            await self._connection.execute(sql.CLOSE_TURN, {"id": conversation})
            return None
        agent = agent_of(row["agent"])
        # What is to be answered is never cut off, however short the agent's memory.
        limit = max(agent.settings.history_messages, min(unanswered, _LONGEST_TURN))
        lines = await self.lines(conversation, limit=limit)
        turn = Turn(turn_id, agent, found, in_order_of_answers(lines, found), None)
        return await self._with_journal(turn)

    async def _with_journal(self, turn: Turn) -> Turn:
        row = (await self._connection.execute(sql.JOURNALED, {"id": turn.run})).first()
        if row is None:
            return turn
        usage = Usage(row["input_tokens"], row["cached_tokens"], row["output_tokens"])
        answer = Answer(row["answer"], usage, row["model"])
        return Turn(turn.id, turn.agent, turn.conversation, turn.history, answer)

    async def journal(self, turn: Turn, answer: Answer, *, outcome: str) -> None:
        """Keep what the model said, under the run's name."""
        await self._connection.execute(
            sql.JOURNAL,
            {
                "id": turn.run,
                "tenant": turn.agent.tenant,
                "conversation": turn.conversation.id,
                "turn": turn.id,
                "upto": turn.conversation.last_seq,
                "outcome": outcome,
                "answer": answer.text,
                "model": answer.model,
                "input": answer.usage.input_tokens,
                "cached": answer.usage.cached_tokens,
                "output": answer.usage.output_tokens,
            },
        )

    async def answered(self, turn: Turn, texts: Sequence[str], at: datetime) -> None:
        """Add our own lines, and close the turn; lines that came since open the next."""
        conversation = turn.conversation
        row = (
            await self._connection.execute(
                sql.ANSWERED,
                {
                    "id": conversation.id,
                    "tenant": turn.agent.tenant,
                    "upto": conversation.last_seq,
                    "texts": list(texts),
                    "at": at,
                },
            )
        ).one()
        if row[0] > conversation.last_seq:
            newest = turn_id(conversation.id, row[0])
            await self._connection.execute(
                sql.OPEN_TURN, {"id": conversation.id, "turn": newest, "deadline": at}
            )
            lane = _lane(turn.agent.tenant, conversation.id)
            job = NewJob(lane, newest, conversation.id.encode(), turn.agent.tenant)
            await enqueue(self._connection, TURNS, [job])
            self.queued += 1

    async def newest_seq(self, conversation: ConversationId) -> int:
        """Read the newest line the customer wrote, with the conversation locked."""
        row = await self._connection.execute(sql.NEWEST, {"id": conversation})
        return int(row.one()[0])

    async def change_state(self, conversation: ConversationId, state: State) -> None:
        """Move a conversation to a state."""
        await self._connection.execute(sql.CHANGE_STATE, {"id": conversation, "state": state})

    async def every(self, *, limit: int) -> list[Conversation]:
        """List them, the newest first."""
        rows = await self._connection.execute(sql.EVERY, {"limit": limit})
        return [_conversation(row) for row in rows]

    async def get(self, conversation: ConversationId) -> Conversation | None:
        """Find one."""
        row = (await self._connection.execute(sql.GET, {"id": conversation})).first()
        return None if row is None else _conversation(row)

    async def lines(self, conversation: ConversationId, *, limit: int) -> list[Line]:
        """List lines, the newest first."""
        rows = await self._connection.execute(sql.LINES, {"id": conversation, "limit": limit})
        return [
            Line(
                seq=row["seq"],
                role=Role(row["role"]),
                text=row["text"],
                at=row["written_at"],
                message_id=MessageId(row["message_id"]) if row["message_id"] else None,
            )
            for row in rows
        ]


def _lane(tenant: TenantId, conversation: ConversationId) -> str:
    return f"{tenant}:{conversation}"


def _conversation(row: Any) -> Conversation:
    return Conversation(
        id=ConversationId(row["id"]),
        tenant=TenantId(row["tenant_id"]),
        agent_id=AgentId(row["agent_id"]),
        integration_id=IntegrationId(row["integration_id"]),
        chat_id=ChatId(row["chat_id"]),
        state=State(row["state"]),
        last_seq=row["last_seq"],
        answered_seq=row["answered_seq"],
    )
