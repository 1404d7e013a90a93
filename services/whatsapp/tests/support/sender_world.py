"""A WhatsApp that counts, and workers that die, stall and come back: for the sender's model."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from whatsapp_stage import Number

from common.auth import Keyring, generate_keyring
from common.contracts import (
    AgentId,
    CancelMessages,
    ChatId,
    CommandId,
    ConnectionState,
    Content,
    Envelope,
    EventId,
    EvolutionWebhookReceived,
    IntegrationId,
    MessageId,
    SendMessage,
    TenantId,
    Text,
    new_id,
    utc_now,
)
from common.db import Database, Sql
from common.errors import OutcomeUnknown, Refused, Transient
from common.lanes import Job, LeaseLost, Queue, claim, retry
from whatsapp_service.app.contexts import Wake, context_opener
from whatsapp_service.domain.model import Integration, Outbound, SentMessage, instance_name
from whatsapp_service.domain.ports import Context, LoadedFile, Parcel, Sending
from whatsapp_service.domain.usecases import commands
from whatsapp_service.domain.usecases.receive import receive
from whatsapp_service.domain.usecases.send import Sender, Waits
from whatsapp_service.jobs import JobLease
from whatsapp_service.providers.evolution import translate
from whatsapp_service.providers.evolution.errors import ConnectionClosed
from whatsapp_service.repository import PostgresSendings

Outcome = Literal[
    "ok", "lost after", "lost before", "slow", "closed", "refused", "dies before", "dies after"
]
SETTLE = timedelta(seconds=2)
# A lease that is over as soon as it is given: whoever asks next takes the lane from the dead.
QUEUE = Queue("sends", paced=True, lease=timedelta(0))


IN_CALL = 0


class Death(BaseException):
    """The worker's process ended here."""


@dataclass
class Pause:
    """Where a worker stalls: before its n-th transaction, or (0) after its message left."""

    before: int
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    seen: int = 0

    async def here(self) -> None:
        self.reached.set()
        await self.over.wait()


_PAUSE: ContextVar[Pause | None] = ContextVar("pause", default=None)


_UNSENT: dict[str, BaseException] = {
    "dies before": Death(),
    "closed": ConnectionClosed("closed", retry_after=timedelta(0)),
    "refused": Refused("no"),
    "lost before": OutcomeUnknown("broke off"),
    "slow": OutcomeUnknown("no answer in time"),
}


@dataclass
class Out:
    """A message that really is on somebody's phone."""

    id: str
    jid: str
    text: str
    at: datetime
    told: int = 0


@dataclass
class CountingWhatsApp:
    """The provider, as far as the sender knows it, and the truth of what it did."""

    now: Any
    out: list[Out] = field(default_factory=list)
    slow: list[Parcel] = field(default_factory=list)
    """Calls whose answer was lost, and which may yet be carried out."""
    outcome: Outcome = "ok"
    _ids: Any = field(default_factory=itertools.count)

    async def send(self, parcel: Parcel) -> SentMessage:
        outcome = self.outcome
        if outcome in _UNSENT:
            if outcome == "slow":
                self.slow.append(parcel)
            raise _UNSENT[outcome]
        made = self.deliver(parcel)
        pause = _PAUSE.get()
        if pause is not None and pause.before == IN_CALL:
            await pause.here()
        if outcome == "dies after":
            raise Death
        if outcome == "lost after":
            raise OutcomeUnknown("broke off after sending")
        return SentMessage(MessageId(made.id), made.jid, made.at)

    def deliver(self, parcel: Parcel) -> Out:
        assert isinstance(parcel.content, Text)
        made = Out(f"3EB0{next(self._ids):08}", parcel.jid, parcel.content.text, self.now())
        self.out.append(made)
        return made

    async def find_sent(
        self, instance: str, jids: Sequence[str], *, content: Content, since: datetime
    ) -> list[SentMessage]:
        assert isinstance(content, Text)
        return [
            SentMessage(MessageId(one.id), one.jid, one.at)
            for one in self.out
            if one.jid in jids and one.text == content.text and one.at >= since
        ]

    async def show_typing(self, instance: str, jid: str, milliseconds: int) -> None:
        """Nobody looks."""

    async def edit(self, instance: str, target: Any, text: str) -> None:
        """Not of interest here."""

    async def delete(self, instance: str, target: Any) -> None:
        """Not of interest here."""

    async def mark_read(self, instance: str, targets: Any) -> None:
        """Not of interest here."""

    @asynccontextmanager
    async def opened(self, tenant: TenantId, content: Content) -> AsyncGenerator[LoadedFile | None]:
        yield None


class World:
    """One number, its chats, its lanes in the real tables, and a clock that we move."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.later = timedelta(0)
        self.whatsapp = CountingWhatsApp(self.now)
        self.open_context = context_opener(
            database, Keyring.parse(generate_keyring()), Wake(lambda: None)
        )
        waits = Waits(SETTLE, timedelta(days=1))
        self.sender = Sender(
            self._open_when_awake, self, self.whatsapp, self.whatsapp, self.now, waits
        )
        self._sendings = PostgresSendings(database)
        integration = IntegrationId(new_id("int"))
        self.number = Number(
            Integration(
                id=integration,
                tenant=TenantId(new_id("ten")),
                agent_id=AgentId(new_id("agt")),
                instance=instance_name(integration),
                state=ConnectionState.OPEN,
                generation=1,
                updated_at=utc_now(),
            )
        )
        self.chats: dict[ChatId, str] = {}

    def now(self) -> datetime:
        return utc_now() + self.later

    async def _until_awake(self) -> None:
        """A worker may stall before each of its transactions."""
        pause = _PAUSE.get()
        if pause is not None:
            pause.seen += 1
            if pause.seen == pause.before:
                await pause.here()

    async def get(self, command_id: CommandId) -> Sending | None:
        await self._until_awake()
        return await self._sendings.get(command_id)

    async def begin(self, outbound: Outbound, at: datetime) -> bool:
        await self._until_awake()
        return await self._sendings.begin(outbound, at)

    @asynccontextmanager
    async def _open_when_awake(self) -> AsyncGenerator[Context]:
        await self._until_awake()
        async with self.open_context() as context:
            yield context

    async def rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        found = await self.database.execute(Sql(statement), values)
        return [dict(row) for row in found]

    async def open(self, chats: int) -> None:
        number = self.number
        await self.rows(
            """insert into integration (id, tenant_id, agent_id, channel, instance, created, state)
               values (:id, :tenant, :agent, 'evolution', :instance, true, 'open') returning id""",
            id=number.id,
            tenant=number.tenant,
            agent=number.integration.agent_id,
            instance=number.instance,
        )
        for n in range(chats):
            jid = f"55119000000{n:02}@s.whatsapp.net"
            await self.hear(number.said("oi", jid=jid, at=self.now()))
        for row in await self.rows("select id, reply_to from chat where integration_id = :id",
                                   id=number.id):  # fmt: skip
            self.chats[ChatId(row["id"])] = row["reply_to"]

    async def hear(self, body: dict[str, Any]) -> None:
        """Take a webhook in."""
        number = self.number
        event = EvolutionWebhookReceived(
            instance=number.instance, integration_id=number.id, generation=1, body=body
        )
        webhook = Envelope(EventId(new_id("evt")), number.tenant, self.now(), event, "test")
        async with self.open_context() as context:
            assert await receive(context, [webhook], translate) == {}

    async def accept(self, command_id: str, chat: ChatId, text: str) -> None:
        event = SendMessage(
            command_id=CommandId(command_id),
            chat_id=chat,
            integration_id=self.number.id,
            content=Text(text=text),
        )
        command = Envelope(EventId(new_id("evt")), self.number.tenant, self.now(), event, "test")
        async with self.open_context() as context:
            assert await commands.accept(context, [command]) == {}

    async def cancel(self, chat: ChatId, *named: str) -> None:
        ids = tuple(CommandId(one) for one in named)
        event = CancelMessages(chat_id=chat, integration_id=self.number.id, command_ids=ids)
        async with self.open_context() as context:
            await commands.cancel(context, self.number.tenant, event)

    async def take(self) -> Job | None:
        """Lease a lane of this number; those of other examples are empty."""
        jobs = await claim(self.database, QUEUE, 1)
        return jobs[0] if jobs else None

    async def work(self, job: Job, pause: Pause | None = None) -> None:
        """Do what a lane worker does with a job, up to its death."""
        _PAUSE.set(pause)
        try:
            await self.sender.send(CommandId(job.command_id), JobLease(QUEUE, job))
        except (Death, LeaseLost):
            pass
        except Transient as error:
            async with self.database.transaction() as connection:
                await retry(connection, job, after=timedelta(0), error=str(error))

    async def echo(self, one: Out) -> None:
        one.told += 1
        await self.hear(self.number.echo(one.text, jid=one.jid, id=one.id, at=one.at))

    async def ack(self, one: Out, level: str) -> None:
        await self.hear(self.number.ack(one.id, level, jid=one.jid))
