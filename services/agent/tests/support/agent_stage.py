"""What surrounds a running agent worker in tests: its customers, its topics, its model server."""

from dataclasses import dataclass, field, replace
from typing import Any

import httpx2

from agent_service.app.contexts import tenant_opener
from agent_service.domain.model import Agent, AgentSettings, conversation_id
from common.bus import Producer, Record
from common.contracts import (
    AgentId,
    ChatId,
    ConversationId,
    Envelope,
    Event,
    EventId,
    HandoffRequested,
    IntegrationId,
    MessageId,
    MessageKind,
    MessageReceived,
    Sender,
    SendMessage,
    TenantId,
    Text,
    new_id,
    utc_now,
)
from common.contracts.cloudevents import encode_headers
from common.db import Database, Sql
from common.lanes import resume_lane
from common.storage import ObjectStore
from common.testing import eventually

QUICK = AgentSettings(quiet_seconds=0, typing_ms_per_char=0)
_CONVERSATION = Sql("select state, turn_id, agent_id from conversation where id = :id")
_LINES = Sql("select role, text from line where conversation_id = :id order by seq")
_LANE = Sql("""
    select pending, leased, attempts, extract(epoch from due_at - now())::float8 as due_in
    from lane where queue = 'turns' and key = :key""")
_AGE = Sql("""
    update lane_job set enqueued_at = enqueued_at - interval '1 hour'
    where queue = 'turns' and lane_key = :key returning seq""")


@dataclass
class Stage:
    """The worker's surroundings: its topics, its database, its model server."""

    producer: Producer
    sandbox: httpx2.AsyncClient
    database: Database
    files: ObjectStore
    heard: list[Envelope[Event]] = field(default_factory=list)

    async def agent(self, tenant: str | None = None, **changes: Any) -> Agent:
        """An agent whose every model call can be told by its instructions."""
        now, id_ = utc_now(), AgentId(new_id("agt"))
        owner = TenantId(tenant or new_id("ten"))
        instructions = f"{changes.pop('instructions', '')} You are {id_}.".strip()
        settings = replace(QUICK, instructions=instructions, **changes)
        agent = Agent(id_, owner, "Ana", settings, now, now)
        async with tenant_opener(self.database, lambda: None)(owner) as context:
            await context.agents.add(agent)
        return agent

    async def delete(self, agent: Agent) -> None:
        async with tenant_opener(self.database, lambda: None)(agent.tenant) as context:
            assert await context.agents.delete(agent.id, utc_now())

    async def customer(self, **changes: Any) -> "Customer":
        """A customer of an agent of their own."""
        return Customer(self, await self.agent(**changes))

    async def fault(self, agent: Agent, fault: str, **more: Any) -> None:
        order = {"provider": "openai", "fault": fault, "where": {"contains": agent.id}, **more}
        (await self.sandbox.post("/_sandbox/faults", json=order)).raise_for_status()

    async def script(self, agent: Agent, **reply: Any) -> None:
        await self.scripts(agent, [(reply, None)])

    async def scripts(self, agent: Agent, replies: list[tuple[dict[str, Any], int | None]]) -> None:
        """Replies in order, each so many times; None for always."""
        match = {"system_contains": agent.id, "last_item": "any"}
        rules = [{"match": match, "reply": reply, "times": times} for reply, times in replies]
        (await self.sandbox.post("/_sandbox/openai/script", json=rules)).raise_for_status()

    async def calls(self, agent: Agent) -> list[dict[str, Any]]:
        """What the model server served, and would have billed, for an agent."""
        answer = await self.sandbox.get("/_sandbox/openai/calls", params={"contains": agent.id})
        found: list[dict[str, Any]] = answer.json()
        return found

    async def heard_by_model(self, agent: Agent) -> list[list[Any]]:
        """What people said in each call, as the model was shown it."""
        return [
            [item["content"] for item in call["input"] if item.get("role") == "user"]
            for call in await self.calls(agent)
        ]


@dataclass
class Customer:
    """Somebody who writes to one number, and hears what is sent to their chat."""

    stage: Stage
    agent: Agent
    integration: IntegrationId = field(default_factory=lambda: IntegrationId(new_id("int")))
    chat: ChatId = field(default_factory=lambda: ChatId(new_id("cht")))

    @property
    def conversation(self) -> ConversationId:
        return conversation_id(self.agent.tenant, self.integration, self.chat)

    @property
    def lane(self) -> str:
        return f"{self.agent.tenant}:{self.conversation}"

    async def writes(self, text: str, **changes: Any) -> MessageId:
        event = MessageReceived(
            message_id=MessageId(changes.pop("message_id", new_id("wa"))),
            chat_id=self.chat,
            integration_id=self.integration,
            kind=MessageKind.TEXT,
            text=text,
            sender=Sender(phone="+5511988880001", name="Ana"),
            sent_at=utc_now(),
            agent_id=self.agent.id,
        ).model_copy(update=changes)
        envelope = Envelope(EventId(new_id("evt")), self.agent.tenant, utc_now(), event, "test")
        await self.stage.producer.publish(
            Record(
                event.topic,
                event.record_key,
                event.model_dump_json().encode(),
                encode_headers(envelope),
            )
        )
        return event.message_id

    def commands(self) -> list[Envelope[Event]]:
        return [
            envelope
            for envelope in self.stage.heard
            if isinstance(envelope.event, SendMessage)
            and (envelope.event.integration_id, envelope.event.chat_id, envelope.tenant)
            == (self.integration, self.chat, self.agent.tenant)
        ]

    def answers(self) -> list[str]:
        events = [envelope.event for envelope in self.commands()]
        contents = [event.content for event in events if isinstance(event, SendMessage)]
        return [content.text for content in contents if isinstance(content, Text)]

    async def hears(self, count: int = 1, within: float = 20) -> list[str]:
        """Wait for so many messages, and for the conversation to be at rest; give all texts."""
        await eventually(
            lambda: len(self.answers()) >= count, within=within, what=f"{count} answers"
        )
        await self.at_rest()
        return self.answers()

    async def at_rest(self) -> None:
        """Wait until no turn is open and nothing waits to be published: no answer will come."""

        async def quiet() -> bool:
            state, lane = await self.state(), await self.lane_row()
            left = await self.stage.database.execute(Sql("select count(*) from outbox"))
            return state["turn_id"] is None and lane["pending"] == 0 and left.scalar() == 0

        await eventually(quiet, what="the conversation at rest")

    async def stored(self, count: int) -> list[tuple[str, str]]:
        """Wait for so many lines; give their roles and texts."""

        async def enough() -> bool:
            return len(await self.lines()) >= count

        await eventually(enough, what=f"{count} lines")
        return await self.lines()

    async def lines(self) -> list[tuple[str, str]]:
        rows = await self.stage.database.execute(_LINES, {"id": self.conversation})
        return [(row["role"], row["text"]) for row in rows]

    async def state(self) -> Any:
        rows = await self.stage.database.execute(_CONVERSATION, {"id": self.conversation})
        return rows.first() or {"state": None, "turn_id": None}

    async def lane_row(self) -> Any:
        rows = await self.stage.database.execute(_LANE, {"key": self.lane})
        return rows.first() or {"pending": 0, "leased": False, "attempts": 0}

    async def thinking(self) -> None:
        """Wait until a worker has the turn in hand."""

        async def leased() -> bool:
            return bool((await self.lane_row())["leased"])

        await eventually(leased, what="a turn in hand")

    async def failed(self, times: int = 1) -> Any:
        """Wait until the turn has failed so often and waits again; give its lane."""

        async def waits() -> bool:
            row = await self.lane_row()
            return bool(row["attempts"] >= times and not row["leased"])

        await eventually(waits, what=f"{times} failures")
        return await self.lane_row()

    async def time_passes(self) -> None:
        """Make the turn an hour older."""
        assert (await self.stage.database.execute(_AGE, {"key": self.lane})).scalars()

    async def resumed(self) -> None:
        """Let the turn go on now, as an operator may."""
        async with self.stage.database.transaction() as connection:
            await resume_lane(connection, "turns", self.lane)

    def handoffs(self) -> list[HandoffRequested]:
        events = [envelope.event for envelope in self.stage.heard]
        return [
            event
            for event in events
            if isinstance(event, HandoffRequested) and event.conversation_id == self.conversation
        ]

    async def handed_off(self) -> HandoffRequested:
        """Wait for the one request for a person."""
        await eventually(self.handoffs, what="a hand-off")
        await self.at_rest()
        [request] = self.handoffs()
        return request
