"""The agent on real Kafka, real Postgres and the strict sandbox."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2
import pytest

from agent_service.app import build, tenant_opener
from agent_service.domain.model import Agent, AgentSettings
from agent_service.settings import Settings
from common.bus import KafkaBus, Producer, Received, Record, create_topics
from common.contracts import (
    AgentId,
    ChatId,
    Envelope,
    EventId,
    IntegrationId,
    MessageId,
    MessageKind,
    MessageReceived,
    Sender,
    SendMessage,
    TenantId,
    Topic,
    new_id,
    utc_now,
)
from common.contracts.cloudevents import attributes, decode, encode_headers
from common.db import Database
from common.testing import base_settings, eventually, prepare_database, running, served
from sandbox.app import create_app as create_sandbox

pytestmark = pytest.mark.integration

QUICK = AgentSettings(quiet_seconds=0, typing_ms_per_char=0)


class _NoListener:
    async def assigned(self, partitions: object) -> None:
        """Not of interest here."""

    async def revoked(self, partitions: object) -> None:
        """Not of interest here."""


@dataclass
class Stage:
    """A running agent worker, a customer's pen, and the commands that came out."""

    producer: Producer
    sandbox: httpx2.AsyncClient
    tenant: TenantId
    add_agent: Callable[[AgentSettings], Awaitable[Agent]]
    integration: IntegrationId = field(default_factory=lambda: IntegrationId(new_id("int")))
    commands: list[Envelope[SendMessage]] = field(default_factory=list)
    _records: Callable[[], Awaitable[list[Received]]] | None = None

    async def write(self, agent: Agent, text: str, chat: str = "cht_1", **changes: Any) -> str:
        event = MessageReceived(
            message_id=MessageId(changes.pop("message_id", new_id("wa"))),
            chat_id=ChatId(chat),
            integration_id=self.integration,
            kind=MessageKind.TEXT,
            text=text,
            sender=Sender(phone="+5511988880001", name="Ana"),
            sent_at=utc_now(),
            agent_id=agent.id,
        ).model_copy(update=changes)
        envelope = Envelope(EventId(new_id("evt")), self.tenant, utc_now(), event, "test")
        value = event.model_dump_json().encode()
        await self.producer.publish(
            Record(event.topic, event.record_key, value, encode_headers(envelope))
        )
        return event.message_id

    async def calls(self) -> list[dict[str, Any]]:
        answer = await self.sandbox.get("/_sandbox/openai/calls")
        found: list[dict[str, Any]] = answer.json()
        return found

    async def sent(self, count: int, within: float = 20) -> list[str]:
        """Wait for that many commands of this tenant and give their texts in order."""

        async def enough() -> bool:
            assert self._records is not None
            for record in await self._records():
                envelope = decode(attributes(record.headers), record.value)
                if envelope.tenant == self.tenant and isinstance(envelope.event, SendMessage):
                    self.commands.append(envelope)  # type: ignore[arg-type]  # narrowed above
            return len(self.commands) >= count

        await eventually(enough, within=within, what=f"{count} send commands")
        return [command.event.content.text for command in self.commands]


@pytest.fixture
async def stage(fresh_database: str, kafka_bootstrap: str) -> AsyncGenerator[Stage]:
    url = await prepare_database(fresh_database, "agent")
    await create_topics(kafka_bootstrap)
    bus = KafkaBus(kafka_bootstrap)
    tenant = TenantId(new_id("ten"))
    database = Database(url)
    open_for = tenant_opener(database, lambda: None)

    async def add_agent(settings: AgentSettings) -> Agent:
        now = utc_now()
        agent = Agent(AgentId(new_id("agt")), tenant, "Ana", settings, now, now)
        async with open_for(tenant) as context:
            await context.agents.add(agent)
        return agent

    async with _worker(fresh_database, kafka_bootstrap) as sandbox, bus.producer() as producer:
        out = bus.source(new_id("g"), [Topic.WHATSAPP_COMMANDS])
        await out.start(_NoListener())
        stage = Stage(producer, sandbox, tenant, add_agent)
        stage._records = lambda: out.poll(0.05)
        yield stage
        await out.stop()
    await database.close()


@asynccontextmanager
async def _worker(database: str, kafka: str) -> AsyncGenerator[httpx2.AsyncClient]:
    async with served(create_sandbox()) as address:
        settings = Settings(
            **base_settings("agent", database=database, kafka=kafka),
            openai_base_url=f"{address}/openai/v1",
            openai_api_key="sk-test",
            openai_model="gpt-5.4-mini",
        )
        async with (
            build(settings, "worker") as parts,
            running(parts),
            httpx2.AsyncClient(base_url=address) as client,
        ):
            yield client


async def test_a_message_is_answered_once(stage: Stage) -> None:
    agent = await stage.add_agent(QUICK)
    written = await stage.write(agent, "hello")
    [text] = await stage.sent(1)
    assert "hello" in text
    await stage.write(agent, "hello", message_id=written)
    await stage.write(agent, "again")
    assert len(await stage.sent(2)) == 2
    assert len(await stage.calls()) == 2


async def test_a_burst_of_ten_gives_one_answer(stage: Stage) -> None:
    agent = await stage.add_agent(replace(QUICK, quiet_seconds=1.0))
    for n in range(10):
        await stage.write(agent, f"part {n}")
    [text] = await stage.sent(1)
    assert "part 9" in text
    await stage.write(agent, "next", chat="cht_2")
    assert len(await stage.sent(2)) == 2
    assert len(await stage.calls()) == 2


async def test_what_a_bot_must_not_answer_is_not_answered(stage: Stage) -> None:
    agent = await stage.add_agent(QUICK)
    await stage.write(agent, "old", stale=True)
    await stage.write(agent, "from the phone", from_me=True)
    await stage.write(replace(agent, id=AgentId("agt_nobody")), "foreign")
    await stage.write(agent, "hello", chat="cht_2")
    [text] = await stage.sent(1)
    assert "hello" in text
    assert len(await stage.calls()) == 1
