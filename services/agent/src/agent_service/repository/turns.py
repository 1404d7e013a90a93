"""Turns that go the short way, as many at once as there are."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import orjson

from agent_service.domain.model import (
    Agent,
    AgentSettings,
    Ask,
    Line,
    LineMedia,
    Role,
    Run,
    Turn,
    in_order_of_answers,
    run_id,
)
from agent_service.domain.model.conversations import media_of
from agent_service.domain.ports import Ended, Lease
from agent_service.repository import turn_statements as sql
from agent_service.repository.agents import agent_of, allowance_of
from agent_service.repository.conversations import LONGEST_TURN
from agent_service.repository.hearing import TURNS
from agent_service.repository.rows import (
    as_json,
    conversation_of,
    facts_of,
    run_values,
    step_values,
)
from common.contracts import ConversationId, Envelope, EventId, SendMessage, utc_now, uuid7
from common.contracts.trace import current_traceparent
from common.db import Database, Gatherer, OutboxRow, outbox_columns, outbox_row
from common.lanes import Job

_KNOWN_AGENTS = 1000
_USUAL_HISTORY = AgentSettings().history_messages
_TRIES = 2
"""Postgres breaks a deadlock at the cost of one: the next round is in another order."""
_ROLES = {role.value: role for role in Role}


class _Wanted(NamedTuple):
    turn: str
    conversation: ConversationId


class _Bucket(NamedTuple):
    tenant: str
    scope: str
    per_minute: float


class _Ending(NamedTuple):
    """A turn's end, written out."""

    wanted: _Wanted
    upto: int
    job: Job
    run: str
    rows: list[OutboxRow]


class PostgresTurns:
    """Turns in the tables; each statement takes all that were asked for at that moment."""

    def __init__(self, database: Database, *, source: str, on_end: Callable[[], None]) -> None:
        self._database = database
        self._source = source
        self._wake_relay = on_end
        self._agents: dict[str, tuple[str, Agent]] = {}
        self._reading: Gatherer[_Wanted, Turn | None] = Gatherer(self._read, tries=_TRIES)
        self._taking: Gatherer[_Bucket, bool] = Gatherer(self._take, tries=_TRIES)
        self._ending: Gatherer[_Ending, bool] = Gatherer(self._end, tries=_TRIES)

    async def read(self, turn_id: str, conversation: ConversationId) -> Turn | None:
        """Read a turn that begins, with the lines it answers; None for the long way."""
        return await self._reading.ask(_Wanted(turn_id, conversation))

    async def take_request(self, ask: Ask) -> bool:
        """Take a model call out of a tenant's requests per minute; False for the long way."""
        if not ask.is_free:
            return False
        if (per_minute := ask.requests_per_minute) is None:
            return True
        return await self._taking.ask(_Bucket(ask.tenant, ask.scopes[0].name, float(per_minute)))

    async def end(
        self, turn: Turn, ended: Ended, commands: Sequence[SendMessage], lease: Lease
    ) -> bool:
        """Say what is to be said, and end the run, the turn and its job; all of it or nothing."""
        run = {
            **run_values(turn.run, ended),
            "tenant": turn.agent.tenant,
            "agent": turn.agent.id,
            "texts": list(ended.texts),
            "steps": [step_values(step) for step in ended.steps],
        }
        rows = [self._row(turn, command) for command in commands]
        wanted = _Wanted(turn.id, turn.conversation.id)
        ending = _Ending(wanted, turn.run.upto_seq, lease.job, as_json(run), rows)
        return await self._ending.ask(ending)

    def _row(self, turn: Turn, command: SendMessage) -> OutboxRow:
        envelope = Envelope(
            id=EventId(uuid7()),
            tenant=turn.agent.tenant,
            time=utc_now(),
            event=command,
            source=self._source,
            traceparent=current_traceparent.get(),
        )
        return outbox_row(envelope)

    async def _read(self, wanted: Sequence[_Wanted]) -> list[Turn | None]:
        rows = await self._database.execute(
            sql.READ,
            {
                "ids": [one.conversation for one in wanted],
                "turns": [one.turn for one in wanted],
                "usual": _USUAL_HISTORY,
                "most": LONGEST_TURN,
            },
        )
        found = {row["turn_id"]: row for row in rows}
        await self._meet({row["agent_id"]: row["agent_version"] for row in found.values()})
        return [self._turn(found.get(one.turn)) for one in wanted]

    async def _meet(self, versions: dict[str, str]) -> None:
        """Read the agents that we do not know as they are now."""
        known = self._agents
        new = [one for one, version in versions.items() if known.get(one, ("",))[0] != version]
        if not new:
            return
        if len(known) > _KNOWN_AGENTS:
            known.clear()
            new = list(versions)
        for one in new:
            known.pop(one, None)
        for row in await self._database.execute(sql.AGENTS, {"ids": new}):
            known[row["id"]] = (row["version"], agent_of(row))

    def _turn(self, row: Any) -> Turn | None:
        known = None if row is None else self._agents.get(row["agent_id"])
        if row is None or known is None:
            return None
        found, agent = conversation_of(row), known[1]
        return Turn(
            row["turn_id"],
            agent,
            found,
            in_order_of_answers(_lines(row), found),
            Run(run_id(row["turn_id"], found.last_seq), found.last_seq),
            facts=facts_of(row["facts"]),
            allowance=allowance_of(row["allowance"]),
        )

    async def _take(self, wanted: Sequence[_Bucket]) -> list[bool]:
        # A tenant whose agents differ in what they allow it is asked about one by one.
        limits = {one.scope: one for one in wanted}
        counts = Counter(one for one in wanted if limits[one.scope] == one)
        rows = await self._database.execute(
            sql.TAKE_REQUESTS,
            {
                "tenants": [one.tenant for one in counts],
                "scopes": [one.scope for one in counts],
                "limits": [one.per_minute for one in counts],
                "counts": [float(count) for count in counts.values()],
            },
        )
        granted = set(rows.scalars())
        return [one in counts and one.scope in granted for one in wanted]

    async def _end(self, endings: Sequence[_Ending]) -> list[bool]:
        rows = [row for ending in endings for row in ending.rows]
        places = [n for n, ending in enumerate(endings, 1) for _ in ending.rows]
        done = await self._database.execute(
            sql.END,
            {
                "queue": TURNS.name,
                "lease": TURNS.lease,
                "ids": [ending.wanted.conversation for ending in endings],
                "turns": [ending.wanted.turn for ending in endings],
                "uptos": [ending.upto for ending in endings],
                "lanes": [ending.job.key for ending in endings],
                "seqs": [ending.job.seq for ending in endings],
                "tokens": [ending.job.token for ending in endings],
                "runs": [ending.run for ending in endings],
                "places": places,
                **outbox_columns(rows),
            },
        )
        ids = set(done.scalars())
        if ids and rows:
            self._wake_relay()
        return [ending.wanted.conversation in ids for ending in endings]


def _lines(row: Any) -> list[Line]:
    columns = (
        "seqs", "roles", "texts", "ats", "messages", "media", "runs", "speakers", "attached",
        "unsent",
    )  # fmt: skip
    return [
        Line(seq, _ROLES[role], text, at, message, _media(media), *rest)
        for seq, role, text, at, message, media, *rest in zip(
            *(row[name] for name in columns), strict=True
        )
    ]


def _media(stored: str | None) -> LineMedia | None:
    return None if stored is None else media_of(orjson.loads(stored))
