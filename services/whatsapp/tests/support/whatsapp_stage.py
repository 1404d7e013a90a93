"""What the suites of the whatsapp service share: numbers, mail, and waits for what was sent."""

import asyncio
import itertools
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from common.bus import KafkaBus, Producer, Record
from common.contracts import (
    Envelope,
    Event,
    EventId,
    EvolutionWebhookReceived,
    IntegrationId,
    TenantId,
    Topic,
    new_id,
    utc_now,
)
from common.contracts.cloudevents import attributes, decode, encode_headers
from common.errors import NotFound
from common.lanes import resume_lane
from common.testing import eventually
from whatsapp_service.domain.model import Integration

KEY = "sandbox-global-key"
E = TypeVar("E", bound=Event)
phones = itertools.count(5511_90000_0000)


class NoListener:
    async def assigned(self, partitions: object) -> None:
        """Not of interest here."""

    async def revoked(self, partitions: object) -> None:
        """Not of interest here."""


@dataclass(frozen=True)
class Number:
    """A WhatsApp number of a tenant of its own, and the webhooks that it gives rise to."""

    integration: Integration
    phone: str = field(default_factory=lambda: str(next(phones)))

    @property
    def id(self) -> IntegrationId:
        return self.integration.id

    @property
    def tenant(self) -> TenantId:
        return self.integration.tenant

    @property
    def instance(self) -> str:
        return self.integration.instance

    def body(self, event: str, data: Any, told_at: datetime | None = None) -> dict[str, Any]:
        return {
            "event": event,
            "instance": self.instance,
            "data": data,
            "destination": "http://gateway/hook",
            # Evolution's own local time, which it calls UTC.
            "date_time": f"{(told_at or utc_now()) - timedelta(hours=3):%Y-%m-%dT%H:%M:%S.%f}Z",
            "sender": f"{self.phone}@s.whatsapp.net",
            "server_url": "http://evolution:8080",
        }

    def said(self, text: str, **options: Any) -> dict[str, Any]:
        """MESSAGES_UPSERT: somebody wrote, by default a customer known by phone."""
        return self.body("messages.upsert", message_data(text, **options))

    def echo(self, text: str, **options: Any) -> dict[str, Any]:
        """SEND_MESSAGE: somebody sent through Evolution's API."""
        return self.body("send.message", message_data(text, from_me=True, **options))

    def ack(self, message_id: str, status: str, **options: Any) -> dict[str, Any]:
        jid = options.get("jid", "5511988880001@s.whatsapp.net")
        data = {"keyId": message_id, "remoteJid": jid, "fromMe": True, "status": status}
        return self.body("messages.update", data)

    def state(self, state: str, code: int = 200, **more: Any) -> dict[str, Any]:
        told_at = more.pop("told_at", None)
        data = {"instance": self.instance, "state": state, "statusReason": code, **more}
        return self.body("connection.update", data, told_at)

    def qr(self, code: str) -> dict[str, Any]:
        image = "data:image/png;base64,iVBORw0KGgo="
        shown = {"instance": self.instance, "pairingCode": None, "code": code, "base64": image}
        return self.body("qrcode.updated", {"qrcode": shown})

    def call(self, call_id: str) -> dict[str, Any]:
        """Something that always is one event about the number: the last of what we look at."""
        return self.body("call", {"id": call_id, "from": "5511988880001@s.whatsapp.net"})


def message_data(text: str, **options: Any) -> dict[str, Any]:
    at: datetime = options.get("at") or utc_now()
    key = {
        "remoteJid": options.get("jid", "5511988880001@s.whatsapp.net"),
        "fromMe": options.get("from_me", False),
        "id": options.get("id") or new_id("wa"),
    }
    if "alt" in options:
        key["remoteJidAlt"] = options["alt"]
    return {
        "key": key,
        "pushName": options.get("name", "Ana"),
        "message": options.get("message", {"conversation": text}),
        "messageType": options.get("kind", "conversation"),
        "messageTimestamp": int(at.timestamp()),
        "source": "ios",
    }


@dataclass(frozen=True)
class DeadLetter:
    """A record that could not be handled."""

    id: str
    topic: str
    error: str
    reason: str


@dataclass
class Mail:
    """Everything that the service publishes, as it comes, once: as any reader must, by its id."""

    envelopes: list[Envelope[Event]] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    dead: list[DeadLetter] = field(default_factory=list)

    async def collect(self, bus: KafkaBus, ready: asyncio.Event) -> None:
        topics = [Topic.WHATSAPP_MESSAGES, Topic.WHATSAPP_CONNECTIONS, Topic.WHATSAPP_DEAD_LETTERS]
        source = bus.source(new_id("g"), topics)
        await source.start(NoListener())
        ready.set()
        try:
            while True:
                for record in await source.poll(0.05):
                    headers = attributes(record.headers)
                    if record.partition.topic == Topic.WHATSAPP_DEAD_LETTERS:
                        facts = [headers[f"dl_{name}"] for name in ("topic", "error", "reason")]
                        self.dead.append(DeadLetter(headers.get("ce_id", ""), *facts))
                    elif headers["ce_id"] not in self.known:
                        self.known.add(headers["ce_id"])
                        self.envelopes.append(decode(headers, record.value))
        finally:
            await source.stop()


def texts(rows: list[dict[str, Any]]) -> list[str]:
    return [row["text"] for row in rows]


async def until_sent(stage: Any, number: Any, count: int, within: float = 45) -> list[str]:
    async def enough() -> bool:
        return len(await stage.sent(number)) >= count

    await eventually(enough, within=within, what=f"{count} messages sent")
    await stage.until_idle(number, within=within)
    return texts(await stage.sent(number))


async def resume(stage: Any, number: Any) -> None:
    """Do what an operator does when the cause is mended and he does not want to wait."""
    lanes = await stage.rows(
        "select key from lane where pace_key = :id and pending > 0", id=number.id
    )
    async with stage.database.transaction() as connection:
        for lane in lanes:
            # One that has gone on by itself is no longer there to be resumed.
            with suppress(NotFound):
                await resume_lane(connection, "sends", lane["key"])


async def struck(stage: Any, fault: int) -> bool:
    return bool(await stage.struck(fault))


def record_of(envelope: Envelope[Any]) -> Record:
    event = envelope.event
    value = event.model_dump_json().encode()
    return Record(event.topic, event.record_key, value, encode_headers(envelope))


def gateway_stand_in(producer: Producer) -> Starlette:
    """Publish what Evolution calls with, as the gateway does."""

    async def hook(request: Request) -> Response:
        body = orjson.loads(await request.body())
        body.pop("apikey", None)
        event = EvolutionWebhookReceived(
            instance=body["instance"],
            integration_id=request.path_params["integration"],
            generation=1,
            body=body,
        )
        tenant = TenantId(request.path_params["tenant"])
        envelope = Envelope(EventId(new_id("evt")), tenant, utc_now(), event, "test")
        await producer.publish(record_of(envelope))
        return Response(status_code=200)

    return Starlette(routes=[Route("/{tenant}/{integration}", hook, methods=["POST"])])
