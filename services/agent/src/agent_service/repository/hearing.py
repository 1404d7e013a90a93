"""Take in what is said: lines, once each and in order, and the turns that answer them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from agent_service.domain.model import AgentSettings, MediaState, NewLine, Role, State, turn_id
from agent_service.domain.ports import Heard
from agent_service.repository import statements as sql
from agent_service.repository.rows import media_json
from common.contracts import AgentId, ConversationId, TenantId
from common.db import Connection, Sql
from common.lanes import NewJob, Queue, enqueue, postpone

TURNS = Queue("turns", lease=timedelta(seconds=30), longest_wait=timedelta(minutes=2))
"""One lane per conversation; the debounce is the due time of its turn."""
_HEARD = frozenset({"voice", "audio"})
_OURS = (State.BOT, State.CLOSED)
_SEEN = frozenset({"image", "sticker"})
_CANCEL = Sql("""
    with cancelled as (
        update follow_up set state = 'cancelled'
        where conversation_id = any(cast(:ids as text[])) and state = 'waiting'
          and cancel_on_reply
    )
    update conversation set follow_ups = 0 where id = any(cast(:ids as text[]))""")

Placed = tuple[NewLine, int]
"""A line and its place."""


class Opened(NamedTuple):
    """A turn that begins."""

    conversation: ConversationId
    job: NewJob
    deadline: datetime
    held_until: datetime | None


class _Asked(NamedTuple):
    """What a customer has said that is to be answered."""

    agent: AgentId
    row: Any
    """The conversation as it was before."""
    new: Sequence[Placed]


def lane_of(tenant: TenantId, conversation: ConversationId) -> str:
    """Name the lane in which a conversation's turns are answered."""
    return f"{tenant}:{conversation}"


class Listener:
    """Takes in lines, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.queued = 0
        """How many turns this transaction opened or moved."""

    async def listen(
        self, lines: Sequence[NewLine], manners: Mapping[AgentId, AgentSettings], now: datetime
    ) -> list[Heard]:
        """Add lines once each, in order; open a turn, or push its due time, for the customer's.

        Returns the conversations that somebody must be told about.
        """
        by_conversation: dict[ConversationId, list[NewLine]] = {}
        for line in lines:
            by_conversation.setdefault(line.conversation, []).append(line)
        if not by_conversation:
            return []
        # In the order of ids, so that two transactions never lock the same rows crosswise.
        # The newest line says which agent has the number now.
        heads = [by_conversation[one][-1] for one in sorted(by_conversation)]
        states = await self._lock(heads, now)
        fresh = await self._add(lines, states)
        await self._turns_for(_asked(heads, states, fresh), manners, now)
        await self._cancel_follow_ups(states, fresh)
        return _moved(heads, states, fresh)

    async def _lock(self, heads: Sequence[NewLine], now: datetime) -> dict[ConversationId, Any]:
        rows = await self._connection.execute(
            sql.LOCK,
            {
                "ids": [h.conversation for h in heads],
                "tenants": [h.tenant for h in heads],
                "agents": [h.agent_id for h in heads],
                "integrations": [h.integration_id for h in heads],
                "chats": [h.chat_id for h in heads],
                "known_as": [" ".join(h.known_as) for h in heads],
                "now": now,
            },
        )
        return {ConversationId(row["id"]): row for row in rows}

    async def _add(
        self, lines: Sequence[NewLine], states: dict[ConversationId, Any]
    ) -> dict[ConversationId, list[Placed]]:
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
                "media": [media_json(line.media) for line in lines],
                "speakers": [line.speaker for line in lines],
                "attached": [line.attached for line in lines],
                "opted_out": [line.opted_out for line in lines],
            },
        )
        places = {(row[0], row[1]): row[2] for row in rows}
        fresh: dict[ConversationId, list[Placed]] = {}
        for line in lines:
            seq = places.pop((line.conversation, line.message_id), None)
            if seq is not None:
                fresh.setdefault(line.conversation, []).append((line, seq))
        return {one: found for one, found in fresh.items() if one in states}

    async def _cancel_follow_ups(
        self, states: dict[ConversationId, Any], fresh: dict[ConversationId, list[Placed]]
    ) -> None:
        ids = [
            one
            for one, placed in fresh.items()
            if states[one]["follow_ups"] and any(p[0].role is Role.CUSTOMER for p in placed)
        ]
        if ids:
            await self._connection.change(_CANCEL, {"ids": ids})

    async def _turns_for(
        self, asked: Sequence[_Asked], manners: Mapping[AgentId, AgentSettings], now: datetime
    ) -> None:
        """Open turns, or push the due times of those that are open."""
        failures = await self.failures([one.row["turn_id"] for one in asked if one.row["turn_id"]])
        opened: list[Opened] = []
        for one in asked:
            settings = manners[one.agent]
            held = _held(one.row["held_until"], one.new, settings, now)
            failed = failures.get(one.row["turn_id"])
            if failed is None:
                opened.append(_turn_for(one.new[-1], settings, held, now))
            elif failed == 0:
                # One that failed waits as long as the other side asked for, whoever writes.
                due = now + timedelta(seconds=settings.quiet_seconds)
                due = max(min(due, one.row["turn_deadline"]), held or now)
                await self._move(one.new[-1][0], held, due)
        await self.open_turns(opened)

    async def open_turns(self, opened: Sequence[Opened]) -> None:
        """Begin turns, each with the job that will answer it."""
        if not opened:
            return
        values = {
            "ids": [one.conversation for one in opened],
            "turns": [one.job.command_id for one in opened],
            "deadlines": [one.deadline for one in opened],
            "helds": [one.held_until for one in opened],
        }
        await self._connection.execute(sql.OPEN_TURNS, values)
        await enqueue(self._connection, TURNS, [one.job for one in opened])
        self.queued += len(opened)

    async def _move(self, line: NewLine, held: datetime | None, due: datetime) -> None:
        if held is not None:
            await self._connection.execute(sql.HOLD_TURN, {"id": line.conversation, "held": held})
        await postpone(self._connection, TURNS, lane_of(line.tenant, line.conversation), due)
        self.queued += 1

    async def failures(self, open_turns: Sequence[str]) -> dict[str, int]:
        """How often open turns have failed; those are left out that nothing will ever run."""
        if not open_turns:
            return {}
        rows = await self._connection.execute(
            sql.TURN_FAILURES, {"queue": TURNS.name, "turns": open_turns}
        )
        return {row[0]: row[1] for row in rows}


def _asked(
    heads: Sequence[NewLine],
    states: Mapping[ConversationId, Any],
    fresh: Mapping[ConversationId, Sequence[Placed]],
) -> list[_Asked]:
    """Find what customers said that is ours to answer."""
    found = []
    for head in heads:
        new = _waiting(fresh.get(head.conversation, ()))
        if new and states[head.conversation]["state"] in _OURS:
            found.append(_Asked(head.agent_id, states[head.conversation], new))
    return found


def _waiting(fresh: Sequence[Placed]) -> list[Placed]:
    """Give the customer's lines, but for those up to the last of one who had opted out."""
    passed_over = max((seq for line, seq in fresh if line.opted_out), default=0)
    return [p for p in fresh if p[0].role is Role.CUSTOMER and p[1] > passed_over]


def _turn_for(
    newest: Placed, settings: AgentSettings, held: datetime | None, now: datetime
) -> Opened:
    """Begin a turn that is due when the customer has been quiet for a while."""
    line, seq = newest
    quiet = timedelta(seconds=settings.quiet_seconds)
    waits = settings.quiet_seconds > 0 or held is not None
    job = NewJob(
        key=lane_of(line.tenant, line.conversation),
        command_id=turn_id(line.conversation, seq),
        payload=line.conversation.encode(),
        tenant=line.tenant,
        due_at=max(now + quiet, held or now) if waits else None,
        traceparent=line.traceparent,
    )
    longest = timedelta(seconds=max(settings.quiet_seconds, settings.deadline_seconds))
    return Opened(line.conversation, job, now + longest, held)


def _moved(
    heads: Sequence[NewLine],
    states: Mapping[ConversationId, Any],
    fresh: Mapping[ConversationId, Sequence[Placed]],
) -> list[Heard]:
    """Say where the agent has come back, and where the owner has spoken."""
    found = []
    for head in heads:
        row = states[head.conversation]
        state, was = State(row["state"]), row["paused_as"]
        returned = State(was) if was is not None and state is State.BOT else None
        owner = any(p[0].role is Role.HUMAN for p in fresh.get(head.conversation, ()))
        if returned is not None or owner:
            found.append(Heard(head, state, returned, owner))
    return found


def _held(
    present: datetime | None, new: Sequence[Placed], settings: AgentSettings, now: datetime
) -> datetime | None:
    """Say until when a turn waits for files: its own end, however the files fare."""
    wanted = (_HEARD if settings.speech_to_text else frozenset()) | (
        _SEEN if settings.see_images else frozenset()
    )
    awaited = any(
        line.media is not None
        and line.media.state is MediaState.AWAITED
        and line.media.kind in wanted
        for line, _ in new
    )
    if not awaited:
        return present
    return max(present or now, now + timedelta(seconds=settings.media_wait_seconds))
