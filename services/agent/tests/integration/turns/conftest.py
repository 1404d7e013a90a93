"""One agent's turns, worked on by hand on real tables; every step of a worker is observed."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from observed import AtStep, ObservedDatabase, nothing_happens

from agent_service.app.contexts import Wake, context_opener, tenant_opener
from agent_service.domain.model import (
    Agent,
    AgentSettings,
    Answer,
    HttpTool,
    Image,
    Line,
    Output,
    Price,
    Request,
    ToolCall,
    Usage,
)
from agent_service.domain.ports import Model, Outside, Tool
from agent_service.domain.usecases.answer import Answering
from agent_service.domain.usecases.listen import listen
from agent_service.jobs import JobLease
from agent_service.repository import TURNS, PostgresTurns
from common.bus import InProcessBus, Relay
from common.contracts import (
    AgentId,
    ChatId,
    ConversationId,
    Envelope,
    Event,
    EventId,
    IntegrationId,
    MessageId,
    MessageKind,
    MessageReceived,
    Sender,
    SendMessage,
    TenantId,
    Text,
    Topic,
    new_id,
    utc_now,
)
from common.contracts.cloudevents import attributes, decode
from common.db import Database, Sql
from common.lanes import Job, claim
from common.service import Parts
from common.testing import eventually, running

_EXPIRE = Sql("update lane set due_at = now() - interval '1 second' where leased returning key")


class FixedPrices:
    """A micro-dollar for every token, and six thousand for a minute of sound."""

    async def refresh(self) -> None:
        """Always fresh."""

    def of(self, model: str) -> Price:
        return Price(model, 1_000_000, 1_000_000, 1_000_000, 6000)


@dataclass
class Toolbox:
    """Hands out the tools of a test, if the agent is allowed them."""

    tools: list[Tool] = field(default_factory=list)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(tool.spec.name for tool in self.tools)

    def build(self, agent: Agent, own: Sequence[HttpTool]) -> dict[str, Tool]:
        return {t.spec.name: t for t in self.tools if t.spec.name in agent.settings.tools}


@dataclass
class Script:
    """A model that says its lines in order: a text, or calls as (name, arguments)."""

    lines: list[Any]
    asked: list[Request] = field(default_factory=list)

    async def answer(self, request: Request) -> Answer:
        self.asked.append(request)
        line = self.lines[min(len(self.asked), len(self.lines)) - 1]
        if isinstance(line, Exception):
            raise line
        if isinstance(line, Answer):
            return line
        if isinstance(line, str):
            return Answer(line, Usage(10, 0, 5), "gpt-test")
        calls = tuple(
            ToolCall(f"call_{len(self.asked)}_{n}", name, arguments)
            for n, (name, arguments) in enumerate(line)
        )
        return Answer("", Usage(10, 0, 5), "gpt-test", calls)

    @property
    def outputs(self) -> list[str]:
        """What the model was told by tools, in its newest call."""
        return [item.text for item in self.asked[-1].items if isinstance(item, Output)]


class Senses:
    """Hears nothing, sees nothing, judges nothing."""

    async def flagged(self, agent: Agent, text: str) -> tuple[str, ...]:
        return ()

    def model_for(self, agent_transcription_model: str | None) -> str | None:
        return "gpt-ears"

    async def hear(self, agent: Agent, sound: bytes, mimetype: str) -> tuple[str, Usage]:
        return sound.decode(), Usage(30, 0, 3)

    async def read(self, tenant: TenantId, reference: str) -> bytes:
        return reference.encode()

    async def keep(self, tenant: TenantId, content: bytes, mimetype: str) -> str:
        return "media/x"

    async def see(self, tenant: TenantId, lines: Sequence[Line]) -> Mapping[int, Image]:
        return {}


@dataclass
class Desk:
    """One agent's turns, worked on by hand; what is sent is read from the topic."""

    database: Database
    bus: InProcessBus
    relay: Relay
    agent: Agent
    tools: list[Tool] = field(default_factory=list)
    alarms: list[tuple[str, str]] = field(default_factory=list)
    """Agents whose model account refused, and why."""

    async def change(self, **settings: Any) -> None:
        """Change how the agent behaves."""
        changed = replace(self.agent.settings, **settings)
        self.agent = replace(self.agent, settings=changed, updated_at=utc_now())
        async with tenant_opener(self.database, lambda: None)(self.agent.tenant) as context:
            await context.agents.save(self.agent)

    def outside(self, model: Model) -> Outside:
        senses = Senses()
        toolbox = Toolbox(self.tools)
        prices, named = FixedPrices(), "gpt-test"
        return Outside(model, toolbox, prices, senses, senses, senses, named, self.alarm)

    def alarm(self, agent: Agent, because: str) -> None:
        self.alarms.append((agent.id, because))

    def script(self, *lines: Any) -> Script:
        return Script(list(lines))

    async def turn(self, chat: str, text: str, *lines: Any) -> Script:
        """A customer writes, and a model that says these lines answers."""
        model = self.script(*lines)
        await self.writes(chat, text)
        await self.next_worker(model)
        return model

    async def texts(self, chat: str) -> list[str]:
        contents = [command.content for command in await self.sent(chat)]
        return [content.text for content in contents if isinstance(content, Text)]

    async def one(self, statement: str, **values: Any) -> Any:
        rows = await self.database.execute(Sql(statement), values)
        return rows.first()

    def events(self, kind: type[Event]) -> list[Any]:
        """What was said of a kind about conversations."""
        records = self.bus.records(Topic.AGENT_CONVERSATIONS)
        found = [decode(attributes(r.headers), r.value).event for r in records]
        return [event for event in found if isinstance(event, kind)]

    async def told(self, kind: type[Event]) -> list[Any]:
        """The same, once all that was said has reached the topic."""
        await self.published()
        return self.events(kind)

    async def writes(self, chat: str, text: str, **changes: Any) -> None:
        await self.hears(self.said(chat, text, **changes))

    async def hears(self, *said: Envelope[MessageReceived]) -> None:
        """Take in what was said, as one batch."""
        async with context_opener(self.database, Wake(lambda: None))() as context:
            await listen(context, said)

    def said(self, chat: str, text: str, **changes: Any) -> Envelope[MessageReceived]:
        event = MessageReceived(
            message_id=MessageId(new_id("wa")),
            chat_id=ChatId(chat),
            integration_id=IntegrationId("int_1"),
            kind=MessageKind.TEXT,
            text=text,
            sender=Sender(phone="+5511988880001"),
            sent_at=utc_now(),
            agent_id=self.agent.id,
        ).model_copy(update=changes)
        return Envelope(EventId(new_id("evt")), self.agent.tenant, utc_now(), event, "test")

    async def claim(self) -> Job | None:
        jobs = await claim(self.database, TURNS, 1)
        return jobs[0] if jobs else None

    async def lease_runs_out(self) -> None:
        await self.database.execute(_EXPIRE)

    async def work(self, job: Job, model: Model, at: AtStep = nothing_happens) -> None:
        database = ObservedDatabase(self.database, at)
        opener = context_opener(database, Wake(lambda: None))
        turns = PostgresTurns(database, source="test", on_end=lambda: None)
        use = Answering(opener, turns, self.outside(model), utc_now)
        conversation = ConversationId(job.payload.decode())
        await use.answer(job.command_id, conversation, JobLease(TURNS, job))

    async def interrupted(
        self, job: Job, model: Script, by: Callable[[], Awaitable[object]]
    ) -> None:
        """Work on a job; something happens when the model has spoken, and nobody has noted it."""
        happened: list[str] = []

        async def step(name: str) -> None:
            if model.asked and name == "outside: begin" and not happened:
                happened.append(name)
                await by()

        try:
            await self.work(job, model, step)
        finally:
            assert happened

    async def next_worker(self, model: Model) -> None:
        """What any other worker does when the lease of the first has run out."""
        await self.lease_runs_out()
        while (job := await self.claim()) is not None:
            await self.work(job, model)

    async def published(self) -> None:
        """Wait until nothing waits to be published."""
        self.relay.nudge()

        async def empty() -> bool:
            rows = await self.database.execute(Sql("select count(*) from outbox"))
            return rows.scalar() == 0

        await eventually(empty)

    async def sent(self, chat: str) -> list[SendMessage]:
        """Everything that reached the topic for a chat, once all has."""
        await self.published()
        records = self.bus.records(Topic.WHATSAPP_COMMANDS)
        events = [decode(attributes(r.headers), r.value).event for r in records]
        return [e for e in events if isinstance(e, SendMessage) and e.chat_id == chat]


@pytest.fixture
async def desk(migrated_database: Callable[[str], str]) -> AsyncGenerator[Desk]:
    address = migrated_database("agent")
    database, bus = Database(address), InProcessBus()
    relay = Relay(address, bus.producer())
    now, tenant = utc_now(), TenantId(new_id("ten"))
    settings = AgentSettings(
        quiet_seconds=0,
        requests_per_minute=100_000,
        hand_off_text="Somebody will be with you.",
        fallback_text="Somebody will get back to you.",
    )
    agent = Agent(AgentId(new_id("agt")), tenant, "Ana", settings, now, now)
    async with tenant_opener(database, lambda: None)(tenant) as context:
        await context.agents.add(agent)
    async with running(Parts(None, [relay])):
        yield Desk(database, bus, relay, agent)
    await database.close()
