"""The sender's world: the real tables, a clock that we move, workers that stall and die."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from counting_whatsapp import PAUSE, CountingWhatsApp, Death, Out, Pause
from whatsapp_stage import Number

from common.auth import Keyring, generate_keyring
from common.contracts import (
    AgentId,
    CancelMessages,
    ChatId,
    CommandId,
    ConnectionState,
    Envelope,
    EventId,
    EvolutionWebhookReceived,
    IntegrationId,
    SendMessage,
    TenantId,
    Text,
    new_id,
    utc_now,
)
from common.db import Database, Sql
from common.errors import Transient
from common.lanes import Job, LeaseLost, Queue, claim, retry
from whatsapp_service.app.contexts import Wake, context_opener
from whatsapp_service.app.gathering import GatheredRecords
from whatsapp_service.domain.model import Integration, Outbound, instance_name
from whatsapp_service.domain.ports import Context, Sending
from whatsapp_service.domain.usecases import commands
from whatsapp_service.domain.usecases.receive import receive
from whatsapp_service.domain.usecases.send import Sender, Waits
from whatsapp_service.jobs import ChatLease
from whatsapp_service.providers.evolution import translate
from whatsapp_service.repository import Beginning, PostgresSendings

SETTLE = timedelta(seconds=2)
# A lease that is over as soon as it is given: whoever asks next takes the lane from the dead.
QUEUE = Queue("sends", paced=True, lease=timedelta(0))


class World:
    """One number, its chats, its lanes in the real tables, and a clock that we move."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.later = timedelta(0)
        self.whatsapp = CountingWhatsApp(self.now)
        self.open_context = context_opener(
            database, Keyring.parse(generate_keyring()), Wake(lambda: None)
        )
        self.files: Any = self.whatsapp
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
        pause = PAUSE.get()
        if pause is not None:
            pause.seen += 1
            if pause.seen == pause.before:
                await pause.here()

    def sender(self) -> Sender:
        """Make the sender of one worker process."""
        records = GatheredRecords(self._open_when_awake)
        pause = PAUSE.get()
        if pause is not None:
            pause.records = records
        return Sender(
            self._open_when_awake,
            self,
            records,
            self.whatsapp,
            self.files,
            self.now,
            Waits(SETTLE, timedelta(days=1)),
        )

    async def get(self, command_id: CommandId) -> Sending | None:
        await self._until_awake()
        return (await self._sendings.get([command_id]))[0]

    async def begin(self, outbound: Outbound, at: datetime) -> bool:
        await self._until_awake()
        return (await self._sendings.begin([Beginning(outbound, at)]))[0]

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

    async def hear(self, *bodies: dict[str, Any]) -> None:
        """Take webhooks in, as one batch."""
        number = self.number
        named = {"instance": number.instance, "integration_id": number.id, "generation": 1}
        events = [EvolutionWebhookReceived.model_validate({**named, "body": b}) for b in bodies]
        webhooks = [
            Envelope(EventId(new_id("evt")), number.tenant, self.now(), event, "test")
            for event in events
        ]
        async with self.open_context() as context:
            assert await receive(context, webhooks, translate) == {}

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
        PAUSE.set(pause)
        try:
            lease = ChatLease(QUEUE, job, goes_on=False)
            await self.sender().send(CommandId(job.command_id), lease)
        except (Death, LeaseLost):
            pass
        except Transient as error:
            async with self.database.transaction() as connection:
                await retry(connection, job, after=timedelta(0), error=str(error))

    async def kill(self, pause: Pause, task: "asyncio.Task[None]") -> None:
        """End a stalled worker's process, with all that it was at."""
        writing = pause.records._written._rounds if pause.records else None
        dying = {one for one in (task, writing) if one is not None}
        for one in dying:
            one.cancel()
        await asyncio.wait(dying)

    async def echo(self, *told: Out) -> None:
        for one in told:
            one.told += 1
        say = self.number.echo
        await self.hear(*(say(one.text, jid=one.jid, id=one.id, at=one.at) for one in told))

    async def ack(self, one: Out, level: str) -> None:
        await self.hear(self.number.ack(one.id, level, jid=one.jid))
