"""What the use cases keep, and the context that carries one transaction of it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from common.contracts import (
    ChatId,
    CommandId,
    ConnectionChanged,
    ConnectionState,
    DeliveryStatus,
    Event,
    EventId,
    IntegrationId,
    MessageId,
    TenantId,
)
from common.places import Place
from whatsapp_service.domain.model import (
    ChatAddress,
    Ignored,
    Integration,
    Observation,
    Qr,
    Unknown,
)
from whatsapp_service.domain.ports.care import Care
from whatsapp_service.domain.ports.files import Files
from whatsapp_service.domain.ports.outbound import OptOuts, Outbounds
from whatsapp_service.domain.ports.pacing import Paces

Clock = Callable[[], datetime]


class Translate(Protocol):
    """Reads a provider's webhook body; never raises on what a provider may send."""

    def __call__(
        self, body: dict[str, Any], *, integration: IntegrationId, now: datetime
    ) -> Sequence[Observation | Ignored | Unknown]:
        """Say everything the body says."""


class MessageKey(NamedTuple):
    """WhatsApp's id is unique within one integration."""

    integration_id: IntegrationId
    message_id: MessageId


class SeenChat(NamedTuple):
    """A chat that something was seen in."""

    integration: Integration
    address: ChatAddress
    at: datetime


class FoundChat(NamedTuple):
    """The chat of an address, and whether its customer wants nothing more."""

    id: ChatId
    opted_out: bool


class StoredMessage(NamedTuple):
    """One message as it is kept."""

    key: MessageKey
    tenant: TenantId
    chat_id: ChatId
    outgoing: bool
    kind: str
    text: str
    content: bytes
    sent_at: datetime
    command_id: CommandId | None = None
    participant: str | None = None
    """Who wrote it, spelled as their group spells them."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """How far a message has come."""

    key: MessageKey
    tenant: TenantId
    status: DeliveryStatus


class KnownMessage(NamedTuple):
    """What an event about a message needs to know of it."""

    chat_id: ChatId
    command_id: CommandId | None


class Inbox(Protocol):
    """Duplicate detection of this transaction."""

    async def admit(self, event_ids: Sequence[str]) -> set[str]:
        """Write the ids down and say which are new."""


class Outbox(Protocol):
    """Announcements of this transaction."""

    def add(
        self,
        event: Event,
        *,
        tenant: TenantId,
        event_id: EventId | None = None,
        traceparent: str | None = None,
        encoded: bytes | None = None,
    ) -> EventId:
        """Announce an event when this transaction commits; `encoded` is its JSON, if at hand."""

    def add_row(self, row: Any) -> None:
        """Publish a record that is encoded already (the runtime's dead letters)."""


class Integrations(Protocol):
    """The numbers we serve."""

    async def by_webhook(
        self, ids: Sequence[IntegrationId], instances: Sequence[str]
    ) -> tuple[dict[IntegrationId, Integration], dict[str, Integration]]:
        """Find integrations by id and by instance name, in one statement."""

    async def get(self, integration_id: IntegrationId) -> Integration | None:
        """Find one."""

    async def of_agent(self, agent_id: str, channel: str) -> Integration | None:
        """Find the number an agent is bound to."""

    async def begin(
        self, integration: Integration, *, channel: str, until: datetime
    ) -> Integration | None:
        """Reserve the binding; None while it is made or removed, or when it is made and alive."""

    async def created(self, integration: Integration, *, token: str) -> bool:
        """Note that the provider has the instance; its token is kept sealed.

        False when the number was deleted while it was made.
        """

    async def remove(self, integration_id: IntegrationId) -> None:
        """Forget an integration whose making failed; one that was made before stays."""

    async def hear(
        self, integration_id: IntegrationId, state: ConnectionState, told_at: datetime
    ) -> bool:
        """Note when a state was told; False when we have heard something newer."""

    async def all(self, *, after: Place, limit: int) -> list[Integration]:
        """List what this transaction may see from a place on, those that changed last first."""

    async def change_state(
        self, integration_id: IntegrationId, change: ConnectionChanged, *, ordered: bool = False
    ) -> ConnectionState | None:
        """Move to a state; returns the one before, or None when nothing changed.

        What is `ordered` by an operator is done; what the provider tells may come too late.
        Neither revives a number that was deleted.
        """

    async def show_qr(self, integration_id: IntegrationId, qr: Qr) -> bool:
        """Keep the newest code to be scanned; False when the number is open, or deleted."""


class Chats(Protocol):
    """Chats and the names WhatsApp has for them."""

    async def resolve(self, seen: Sequence[SeenChat]) -> list[FoundChat]:
        """Find or create the chat of each address, merging those that prove to be one."""

    async def owned(
        self, chats: Sequence[tuple[TenantId, IntegrationId, ChatId]]
    ) -> dict[tuple[TenantId, IntegrationId, ChatId], ChatId]:
        """Say which of these chats are the tenant's, and which chat each of them is by now."""

    async def forget(self, chat: ChatId) -> None:
        """Delete the words of all its messages, and the name of whom it is with."""


class Messages(Protocol):
    """Messages and how far they came."""

    async def store(self, messages: Sequence[StoredMessage]) -> set[MessageKey]:
        """Keep messages; returns the keys that were new."""

    async def enrich(self, copies: Sequence[StoredMessage]) -> set[MessageKey]:
        """Complete messages by later copies of them that tell more; returns those that gained."""

    async def known(self, keys: Sequence[MessageKey]) -> dict[MessageKey, KnownMessage]:
        """Find the chats of messages."""

    async def edit(self, key: MessageKey, text: str, at: datetime) -> bool:
        """Change a message's words; False when they are these already."""

    async def delete(self, key: MessageKey, at: datetime) -> bool:
        """Mark a message as deleted for everyone; False when it is."""

    async def delivered(self, updates: Sequence[Delivered]) -> dict[Delivered, KnownMessage | None]:
        """Move messages forward, never back; returns those that moved, None if not ours yet."""

    async def deliveries(self, keys: Sequence[MessageKey]) -> dict[MessageKey, DeliveryStatus]:
        """Say how far messages came, also when the ack overtook the message."""

    async def keep_event(
        self, integration: Integration, *, chat: ChatId, event_id: EventId, reason: str, body: Any
    ) -> None:
        """Keep whole what we could not read, of a chat or of one that would get this id."""

    async def drop_events(self, before: datetime, limit: int) -> int:
        """Delete a number of kept events that are older; returns how many went."""


@dataclass(frozen=True, slots=True)
class Context:
    """What one batch of messages, one job or one request may touch."""

    inbox: Inbox
    outbox: Outbox
    integrations: Integrations
    chats: Chats
    messages: Messages
    outbound: Outbounds
    opt_outs: OptOuts
    paces: Paces
    care: Care
    files: Files
    now: Clock
    connection: Any = None
    """The transaction itself, for what is enqueued or finished in it; opaque in here."""


Opener = Callable[[], AbstractAsyncContextManager[Context]]


class OpenForTenant(Protocol):
    """Opens a transaction that can see one tenant only."""

    def __call__(self, tenant: TenantId) -> AbstractAsyncContextManager[Context]:
        """Open it; it commits on success only."""
