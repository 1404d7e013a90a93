"""What the Evolution stand-in remembers: instances, their webhook, their settings."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.evolution.events import EVENTS, now_iso
from sandbox.evolution.mailbox import Mailbox
from sandbox.wire import Json

BAILEYS = "WHATSAPP-BAILEYS"
BUSINESS = "WHATSAPP-BUSINESS"
EVOLUTION = "EVOLUTION"
INTEGRATIONS = (BAILEYS, BUSINESS, EVOLUTION)

REQUIRED_SETTINGS = (
    "rejectCall",
    "groupsIgnore",
    "alwaysOnline",
    "readMessages",
    "readStatus",
    "syncFullHistory",
)


@dataclass(slots=True)
class Webhook:
    """The webhook row of an instance."""

    id: str
    url: str
    headers: dict[str, str] | None
    enabled: bool
    events: list[str]
    by_events: bool
    base64: bool
    created_at: float
    updated_at: float

    def wants(self, event: str) -> bool:
        """Whether this event is subscribed; an empty list of an enabled webhook means all."""
        return self.enabled and (not self.events or event in self.events)

    def row(self, instance_id: str) -> Json:
        """Return the database row as webhook/set and webhook/find show it."""
        return {
            "id": self.id,
            "url": self.url,
            "headers": self.headers,
            "enabled": self.enabled,
            "events": self.events,
            "webhookByEvents": self.by_events,
            "webhookBase64": self.base64,
            "createdAt": now_iso(self.created_at),
            "updatedAt": now_iso(self.updated_at),
            "instanceId": instance_id,
        }


@dataclass(slots=True)
class QrCode:
    """The code that is on show while an instance connects."""

    code: str
    base64: str
    pairing_code: str | None
    count: int

    def answer(self) -> Json:
        """Return it as create and connect do."""
        return {
            "pairingCode": self.pairing_code,
            "code": self.code,
            "base64": self.base64,
            "count": self.count,
        }


@dataclass(slots=True)
class Disconnection:
    """Why and when an instance was logged out."""

    reason: int
    at: float
    details: str


def default_settings() -> Json:
    """Return the eight flags of a new instance."""
    return {
        "rejectCall": False,
        "msgCall": "",
        "groupsIgnore": False,
        "alwaysOnline": False,
        "readMessages": False,
        "readStatus": False,
        "syncFullHistory": False,
        "wavoipToken": "",
    }


@dataclass(slots=True)
class Instance:
    """One WhatsApp number, or the attempt at one.

    Attributes:
        state: close, connecting or open, as connectionState tells it.
        socket_dead: the socket is gone although the state still says open.
        base64_live: the base64 flag as it was when the instance last connected; a later
            webhook/set does not reach it.
        sender: the instance's own address; unknown until the first open.
        doomed: being deleted; the name stays taken until that is done.
        backlog: what waits behind a messages.edited delivery.
        edit_in_flight: a messages.edited delivery is being awaited.
        epoch: rises at every change of connection, so that old timers do nothing.
    """

    name: str
    id: str
    token: str
    integration: str
    created_at: float
    number: str | None = None
    business_id: str | None = None
    state: str = "close"
    socket_dead: bool = False
    base64_live: bool = False
    sender: str | None = None
    profile_name: str | None = None
    profile_picture: str | None = None
    webhook: Webhook | None = None
    settings: Json = field(default_factory=default_settings)
    qr: QrCode | None = None
    disconnection: Disconnection | None = None
    doomed: bool = False
    mailbox: Mailbox = field(default_factory=Mailbox)
    known_jids: set[str] = field(default_factory=set)
    presences: list[Json] = field(default_factory=list)
    backlog: deque[Callable[[], None]] = field(default_factory=deque)
    edit_in_flight: bool = False
    epoch: int = 0

    @property
    def connected(self) -> bool:
        """Whether a send can leave."""
        return self.state == "open" and not self.socket_dead

    def load_webhook_flags(self) -> None:
        """Read the base64 flag, as connecting does."""
        self.base64_live = self.webhook.base64 if self.webhook else False

    def state_answer(self) -> Json:
        """Return the answer of connectionState, and of connect when already open."""
        return {"instance": {"instanceName": self.name, "state": self.state}}

    def row(self) -> Json:
        """Return the row of fetchInstances; it contains the token in clear, as the real one."""
        gone = self.disconnection
        return {
            "id": self.id,
            "name": self.name,
            "connectionStatus": self.state,
            "ownerJid": self.sender,
            "profileName": self.profile_name,
            "profilePicUrl": self.profile_picture,
            "integration": self.integration,
            "number": self.number,
            "businessId": self.business_id,
            "token": self.token,
            "clientName": "evolution_exchange",
            "disconnectionReasonCode": gone.reason if gone else None,
            "disconnectionObject": gone.details if gone else None,
            "disconnectionAt": now_iso(gone.at) if gone else None,
            "createdAt": now_iso(self.created_at),
            "updatedAt": now_iso(self.created_at),
            **dict.fromkeys(("Chatwoot", "Proxy", "Rabbitmq", "Nats", "Sqs", "Websocket")),
            "Setting": {"id": self.id, **self.settings, "instanceId": self.id},
            "_count": {
                "Message": len(self.mailbox),
                "Contact": len(self.mailbox.contacts),
                "Chat": len(self.mailbox.chats),
            },
        }


def all_events(names: list[str]) -> list[str]:
    """Return what a subscription list means: an empty one is every event."""
    return list(names) or list(EVENTS)
