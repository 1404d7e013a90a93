"""Statements about conversations, their lines, their turns and their runs."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from agent_service.domain.model import (
    Conversation,
    Line,
    LineMedia,
    MediaState,
    Pending,
    Run,
    State,
    Turn,
    in_order_of_answers,
    run_id,
    turn_id,
)
from agent_service.domain.ports import Ended, Held
from agent_service.repository import statements as sql
from agent_service.repository.agents import agent_of, allowance_of
from agent_service.repository.hearing import TURNS, Listener, Opened, lane_of
from agent_service.repository.rows import (
    as_json,
    conversation_of,
    facts_of,
    line_of,
    media_json,
    run_of,
    run_values,
    steps_json,
)
from common.contracts import CommandId, ConversationId, MessageId, derived_id
from common.lanes import NewJob, postpone
from common.places import TOP, Place

_PERSONS = {State.HUMAN, State.HANDOFF_REQUESTED}
LONGEST_TURN = 200
"""Lines of one turn that a model is shown at most."""


class PostgresConversations(Listener):
    """Conversations, in one transaction."""

    async def turn(self, turn_id: str, conversation: ConversationId) -> Turn | None:
        """Read what must be answered, with the conversation locked; None when nothing must."""
        row = (
            await self._connection.execute(sql.TURN, {"id": conversation, "turn": turn_id})
        ).first()
        if row is None:
            return None
        found, unanswered = conversation_of(row), row["last_seq"] - row["answered_seq"]
        if row["agent"] is None or found.state in _PERSONS or unanswered <= 0:
            await self._connection.execute(sql.CLOSE_TURN, {"id": conversation})
            return None
        agent, run = agent_of(row["agent"]), Run(run_id(turn_id, found.last_seq), found.last_seq)
        if row["run"] is not None:
            run = run_of(row["run"])
            if run.upto_seq < found.last_seq and not run.wrote:
                # Nothing was changed by it, and the customer has written since: begin anew.
                await self._supersede(turn_id, found, run, agent.id)
                run = Run(run_id(turn_id, found.last_seq), found.last_seq)
        # What is to be answered is never cut off, however short the agent's memory.
        limit = max(agent.settings.history_messages, min(unanswered, LONGEST_TURN))
        lines = await self.lines(conversation, limit=limit)
        return Turn(
            turn_id,
            agent,
            found,
            in_order_of_answers(lines, found),
            run,
            facts=facts_of(row["facts"]),
            allowance=allowance_of(row["allowance"]),
        )

    async def _supersede(self, turn: str, conversation: Conversation, run: Run, agent: str) -> None:
        ended = Ended("superseded")
        values = _ended(run, turn, conversation, ended) | {"agent": agent}
        await self._connection.execute(sql.SET_ASIDE, values)

    async def hold(self, conversation: ConversationId) -> Held:
        """Lock a conversation and read how it stands."""
        row = (await self._connection.execute(sql.HELD, {"id": conversation})).one()
        return Held(row["last_seq"], State(row["state"]))

    async def answered(self, turn: Turn, ended: Ended, at: datetime) -> None:
        """Add our own lines, end the run and the turn; lines that came since open the next."""
        conversation = turn.conversation
        values = _ended(turn.run, turn.id, conversation, ended)
        values |= {"agent": turn.agent.id, "texts": list(ended.texts), "at": at}
        row = (await self._connection.execute(sql.ANSWERED, values)).one()
        if row["last_seq"] > row["answered_seq"]:
            newest = turn_id(conversation.id, row["last_seq"])
            held = row["held_until"]
            tenant = turn.agent.tenant
            lane = lane_of(tenant, conversation.id)
            job = NewJob(lane, newest, conversation.id.encode(), tenant, due_at=held)
            await self.open_turns([Opened(conversation.id, job, at, held)])

    async def set_aside(self, turn: Turn, ended: Ended, *, close: bool) -> None:
        """End a run that says nothing; `close` ends its turn as well."""
        values = _ended(turn.run, turn.id, turn.conversation, ended)
        await self._connection.execute(sql.SET_ASIDE, values | {"agent": turn.agent.id})
        if close:
            await self._connection.execute(sql.CLOSE_TURN, {"id": turn.conversation.id})

    async def change_state(
        self, conversation: ConversationId, state: State, until: datetime | None = None
    ) -> None:
        """Move a conversation to a state; a person's ends by itself at `until`."""
        values = {"id": conversation, "state": state, "until": until}
        await self._connection.execute(sql.CHANGE_STATE, values)

    async def pass_over(self, conversation: ConversationId, upto: int) -> None:
        """End a turn that is not answered, and will not be."""
        await self._connection.execute(sql.PASS_OVER, {"id": conversation, "upto": upto})

    async def set_pending(self, conversation: ConversationId, pending: Pending | None) -> None:
        """Remember what the customer was asked to confirm, or forget it."""
        stored = None if pending is None else as_json(asdict(pending))
        await self._connection.execute(sql.SET_PENDING, {"id": conversation, "pending": stored})

    async def summarised(self, conversation: ConversationId, summary: str, upto: int) -> bool:
        """Keep a summary that goes up to a line; False when a newer one is there."""
        values = {"id": conversation, "summary": summary, "upto": upto}
        return await self._connection.change(sql.SUMMARISED, values) == 1

    async def say(
        self, conversation: ConversationId, text: str, at: datetime, command: CommandId
    ) -> None:
        """Add a line of ours outside of a turn."""
        values = {"id": conversation, "text": text, "at": at, "command": command}
        await self._connection.execute(sql.SAY, values)

    async def unsent(self, conversation: ConversationId, seq: int) -> None:
        """Write down that a line was never sent."""
        await self._connection.execute(sql.UNSENT, {"id": conversation, "seq": seq})

    async def say_as_person(
        self, conversation: ConversationId, text: str, at: datetime, command: CommandId
    ) -> None:
        """Add a person's line, once per command; it answers what the customer wrote."""
        values = {"id": conversation, "text": text, "at": at, "command": command}
        await self._connection.execute(sql.SAY_AS_PERSON, values)

    async def said_by(self, conversation: ConversationId, command: CommandId) -> str | None:
        """Give what a command has said; None when there was none."""
        values = {"id": conversation, "command": command}
        return (await self._connection.execute(sql.SAID_BY, values)).scalar()

    async def reopen(self, conversation: Conversation, answered: int, at: datetime) -> None:
        """Open a turn for what the customer wrote after a line."""
        await self.pass_over(conversation.id, answered)
        # Not by its first line, as others are: a run that was dropped has that name.
        name = derived_id("trn", conversation.id, at.isoformat())
        lane = lane_of(conversation.tenant, conversation.id)
        job = NewJob(lane, name, conversation.id.encode(), conversation.tenant)
        await self.open_turns([Opened(conversation.id, job, at, None)])

    async def media_came(
        self, conversation: ConversationId, message: MessageId, media: LineMedia
    ) -> bool:
        """Write down what became of a line's file; False when there is no such line."""
        values = {"id": conversation, "message": message, "media": media_json(media)}
        return await self._connection.change(sql.MEDIA_CAME, values) == 1

    async def opted_out(self, conversation: ConversationId, message: MessageId) -> bool:
        """Say whether the line of a message waits for no answer, as its customer had opted out."""
        values = {"id": conversation, "message": message}
        return bool((await self._connection.execute(sql.OPTED_OUT, values)).scalar())

    async def amend(self, conversation: ConversationId, message: MessageId, text: str) -> None:
        """Give the line of a message other words."""
        values = {"id": conversation, "message": message, "text": text}
        await self._connection.execute(sql.AMEND, values)

    async def take_back(self, conversation: ConversationId, message: MessageId) -> None:
        """Forget what the line of a message said."""
        await self._connection.execute(sql.TAKE_BACK, {"id": conversation, "message": message})

    async def heard(
        self, conversation: ConversationId, message: MessageId, text: str | None
    ) -> None:
        """Write down what a recording says; None when it cannot be heard."""
        state = MediaState.HEARD if text else MediaState.LOST
        values = {"id": conversation, "message": message, "text": text or None, "state": state}
        await self._connection.execute(sql.HEARD, values)

    async def release(self, conversation: ConversationId, now: datetime) -> None:
        """Let a turn go on that waited for files, when the last of them has come."""
        row = (await self._connection.execute(sql.RELEASE, {"id": conversation})).first()
        if row is None or (await self.failures([row["turn_id"]])).get(row["turn_id"]) != 0:
            return
        quiet = timedelta(seconds=row["quiet"] or 0)
        due = max(now, row["updated_at"] + quiet)
        await postpone(self._connection, TURNS, lane_of(row["tenant_id"], conversation), due)
        self.queued += 1

    async def every(
        self, *, limit: int, state: State | None = None, after: Place = TOP
    ) -> list[Conversation]:
        """List them, or those in a state, from a place on, the newest first."""
        values = {"limit": limit, "state": state, **after._asdict()}
        rows = await self._connection.execute(sql.EVERY, values)
        return [conversation_of(row) for row in rows]

    async def get(self, conversation: ConversationId) -> Conversation | None:
        """Find one."""
        row = (await self._connection.execute(sql.GET, {"id": conversation})).first()
        return None if row is None else conversation_of(row)

    async def lines(
        self, conversation: ConversationId, *, limit: int, after: int = 0, upto: int | None = None
    ) -> list[Line]:
        """List lines, the newest first."""
        values = {"id": conversation, "limit": limit, "after": after, "upto": upto}
        return [line_of(row) for row in await self._connection.execute(sql.LINES, values)]


def _ended(run: Run, turn: str, conversation: Conversation, ended: Ended) -> dict[str, Any]:
    return {
        **run_values(run, ended),
        "tenant": conversation.tenant,
        "id": conversation.id,
        "turn": turn,
        "steps": steps_json(ended.steps),
    }
