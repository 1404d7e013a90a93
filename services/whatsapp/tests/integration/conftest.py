"""A running whatsapp worker on real Kafka and Postgres, beside the strict Evolution."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from whatsapp_stage import KEY, DeadLetter, E, Mail, Number, gateway_stand_in, record_of

from common.auth import Keyring
from common.bus import KafkaBus, Producer, create_topics
from common.contracts import (
    AgentId,
    CancelMessages,
    ChatId,
    CommandId,
    ConnectionChanged,
    ConnectionState,
    Envelope,
    Event,
    EventId,
    EvolutionWebhookReceived,
    IntegrationId,
    SendMessage,
    TenantId,
    new_id,
    utc_now,
)
from common.contracts.commands import Text
from common.db import Database, Sql
from common.testing import base_settings, eventually, prepare_database, running, served
from sandbox.app import create_app as create_sandbox
from sandbox.settings import Settings as SandboxSettings
from whatsapp_service.app.contexts import Wake, context_opener
from whatsapp_service.app.wiring import build
from whatsapp_service.domain.model import Integration, instance_name
from whatsapp_service.domain.ports import Opener
from whatsapp_service.domain.usecases.receive import receive
from whatsapp_service.providers.evolution import translate
from whatsapp_service.settings import Settings


@dataclass
class Stage:
    """The service under test, what surrounds it, and what it says."""

    database: Database
    producer: Producer
    sandbox: httpx2.AsyncClient
    hooks: str
    settings: Settings
    open_context: Opener
    mail: Mail
    _worker: asyncio.Task[None] | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def start_worker(self) -> None:
        self._stop = asyncio.Event()
        up = asyncio.Event()
        self._worker = asyncio.create_task(self._work(self._stop, up))
        await up.wait()

    async def _work(self, stop: asyncio.Event, up: asyncio.Event) -> None:
        async with build(self.settings, "worker") as parts, running(parts):
            up.set()
            await stop.wait()

    async def stop_worker(self) -> None:
        self._stop.set()
        if self._worker is not None:
            await self._worker
            self._worker = None

    # What there is

    async def number(
        self, *, state: ConnectionState = ConnectionState.OPEN, live: bool = False
    ) -> Number:
        """Make a number of a new tenant; a live one is connected at the sandbox too."""
        integration_id = IntegrationId(new_id("int"))
        integration = Integration(
            id=integration_id,
            tenant=TenantId(new_id("ten")),
            agent_id=AgentId(new_id("agt")),
            instance=instance_name(integration_id),
            state=ConnectionState.CONNECTING,
            generation=1,
            updated_at=utc_now(),
        )
        async with self.open_context() as context:
            until = utc_now() + timedelta(minutes=1)
            await context.integrations.begin(integration, channel="evolution", until=until)
            await context.integrations.created(integration, token="token")
            change = ConnectionChanged(integration_id=integration_id, state=state)
            await context.integrations.change_state(integration_id, change)
        number = Number(integration)
        if live:
            await self._connect(number)
        return number

    async def _connect(self, number: Number) -> None:
        hook = {"url": f"{self.hooks}/{number.tenant}/{number.id}", "events": []}
        made = {"instanceName": number.instance, "integration": "WHATSAPP-BAILEYS"}
        await self.evolution("/instance/create", {**made, "qrcode": True, "webhook": hook})
        await self.control(f"/evolution/instances/{number.instance}/scan", number=number.phone)
        await self.until_row(number, "select 1 from integration where id = :id and state = 'open'")

    async def evolution(self, path: str, body: dict[str, Any]) -> Any:
        """Call Evolution as somebody else with its key would."""
        headers = {"apikey": KEY}
        answer = await self.sandbox.post(f"/evolution{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()

    async def control(self, path: str, **body: Any) -> Any:
        answer = await self.sandbox.post(f"/_sandbox{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    async def chat(self, number: Number, phone: str = "5511988880001", **options: Any) -> ChatId:
        """Let a customer write, so that there is a chat."""
        options.setdefault("jid", f"{phone}@s.whatsapp.net")
        await self.take_in(number, [number.said("oi", **options)])
        rows = await self.rows(
            "select chat_id from alias where integration_id = :id and alias = :alias",
            id=number.id,
            alias=f"phone:+{phone}",
        )
        return ChatId(rows[0]["chat_id"])

    async def fault(self, number: Number, fault: str, call: str = "sendText", **more: Any) -> int:
        """Let Evolution misbehave towards this number."""
        spec = {"provider": "evolution", "call": call, "fault": fault, "instance": number.instance}
        armed = await self.control("/faults", **spec, **more)
        return int(armed["id"])

    async def mend(self, fault: int) -> None:
        await self.sandbox.delete(f"/_sandbox/faults/{fault}")

    async def struck(self, fault: int) -> int:
        """How often a fault has struck."""
        armed = (await self.sandbox.get("/_sandbox/faults")).json()
        return next(int(row["hits"]) for row in armed if row["id"] == fault)

    # What is said to it

    async def publish(self, *envelopes: Envelope[Any]) -> None:
        records = [record_of(envelope) for envelope in envelopes]
        assert await self.producer.publish_all(records) == [None] * len(records)

    def webhook(
        self, number: Number, body: dict[str, Any] | None, **changes: Any
    ) -> Envelope[EvolutionWebhookReceived]:
        facts = {"instance": number.instance, "integration_id": number.id, "generation": 1}
        event = EvolutionWebhookReceived.model_validate({**facts, "body": body, **changes})
        return Envelope(EventId(new_id("evt")), number.tenant, utc_now(), event, "test")

    async def tell(self, number: Number, *bodies: dict[str, Any], **changes: Any) -> None:
        """Publish webhooks, as the gateway would."""
        await self.publish(*(self.webhook(number, body, **changes) for body in bodies))

    async def take_in(self, number: Number, bodies: Sequence[dict[str, Any]]) -> None:
        """Take webhooks in as one batch."""
        webhooks = [self.webhook(number, body) for body in bodies]
        async with self.open_context() as context:
            assert await receive(context, webhooks, translate) == {}

    def command(
        self, number: Number, chat: ChatId, text: str, **options: Any
    ) -> Envelope[SendMessage]:
        tenant = options.pop("tenant", number.tenant)
        command_id = CommandId(options.pop("command_id", new_id("cmd")))
        event = SendMessage(
            command_id=command_id,
            chat_id=chat,
            integration_id=number.id,
            content=Text(text=text),
            **options,
        )
        return Envelope(EventId(new_id("evt")), tenant, utc_now(), event, "test")

    async def send(self, number: Number, chat: ChatId, *texts: str, **options: Any) -> list[str]:
        """Publish send commands; gives their ids."""
        commands = [self.command(number, chat, text, **options) for text in texts]
        await self.publish(*commands)
        return [c.event.command_id for c in commands]

    async def cancel(self, number: Number, chat: ChatId, *command_ids: str) -> None:
        ids = tuple(CommandId(one) for one in command_ids)
        event = CancelMessages(chat_id=chat, integration_id=number.id, command_ids=ids)
        await self.publish(Envelope(EventId(new_id("evt")), number.tenant, utc_now(), event))

    # What came of it

    def events(self, number: Number, *types: type[E]) -> list[E]:
        """What was published about a number, of these types or of any, each topic in order."""
        wanted: Any = types or (Event,)
        return [
            e.event
            for e in self.mail.envelopes
            if e.tenant == number.tenant and isinstance(e.event, wanted)
        ]

    def dead_letter(self, envelope: Envelope[Any]) -> DeadLetter | None:
        return next((letter for letter in self.mail.dead if letter.id == envelope.id), None)

    async def until_dead(self, envelope: Envelope[Any]) -> DeadLetter:
        """Wait until a record is in the dead letters."""
        await eventually(lambda: self.dead_letter(envelope), what="a dead letter")
        letter = self.dead_letter(envelope)
        assert letter is not None
        return letter

    async def until_events(self, number: Number, type_: type[E], count: int = 1) -> list[E]:
        """Wait for so many events of a type."""
        what = f"{count} {type_.__name__}"
        await eventually(lambda: len(self.events(number, type_)) >= count, what=what)
        return self.events(number, type_)

    async def rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.database.execute(Sql(statement), values)]

    async def until_row(self, number: Number, statement: str, **values: Any) -> dict[str, Any]:
        """Wait for a row; `:id` is the number's."""
        found: list[dict[str, Any]] = []

        async def there() -> bool:
            found[:] = await self.rows(statement, id=number.id, **values)
            return bool(found)

        await eventually(there, what=statement)
        return found[0]

    async def sent(self, number: Number) -> list[dict[str, Any]]:
        """What Evolution really sent, in order."""
        path = f"/_sandbox/evolution/sent?instance={number.instance}"
        return list((await self.sandbox.get(path)).json())

    async def until_idle(self, number: Number, within: float = 15) -> None:
        """Wait until nothing is left to be sent for a number."""

        async def idle() -> bool:
            statement = "select 1 from lane where pace_key = :id and pending > 0"
            return not await self.rows(statement, id=number.id)

        await eventually(idle, within=within, what="empty lanes")


@asynccontextmanager
async def _stage(database_url: str, kafka: str, folder: Path) -> AsyncGenerator[Stage]:
    async with AsyncExitStack() as stack:
        url = await prepare_database(database_url, "whatsapp")
        await create_topics(kafka)
        bus = KafkaBus(kafka)
        producer = await stack.enter_async_context(bus.producer())
        quick = SandboxSettings(connect_scale=0, retry_scale=0.02)
        evolution = await stack.enter_async_context(served(create_sandbox(quick)))
        hooks = await stack.enter_async_context(served(gateway_stand_in(producer)))
        shared = base_settings("whatsapp", database=database_url, kafka=kafka)
        settings = Settings(
            **{**shared, "object_store_url": f"file://{folder}"},
            evolution_url=f"{evolution}/evolution",
            evolution_api_key=KEY,
            agent_url="http://127.0.0.1:9",
            gateway_public_url=hooks,
            send_lease_seconds=2,
            settle_seconds=1,
            give_up_seconds=4,
        )
        database = Database(url)
        stack.push_async_callback(database.close)
        client = await stack.enter_async_context(httpx2.AsyncClient(base_url=evolution))
        opener = context_opener(database, Keyring.parse(settings.keyring), Wake(lambda: None))
        mail, ready = Mail(), asyncio.Event()
        collecting = asyncio.create_task(mail.collect(bus, ready))
        await ready.wait()
        stage = Stage(database, producer, client, hooks, settings, opener, mail)
        await stage.start_worker()
        try:
            yield stage
        finally:
            await stage.stop_worker()
            collecting.cancel()
            await asyncio.gather(collecting, return_exceptions=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(
    module_database: str, kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Stage]:
    """One worker for all tests of a module; each test has tenants and numbers of its own."""
    folder = tmp_path_factory.mktemp("objects")
    async with _stage(module_database, kafka_bootstrap, folder) as stage:
        yield stage
