"""Numbers, chats and messages as values, and the rules that hold for them."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Self

from common.contracts import (
    AgentId,
    ChatId,
    CommandId,
    ConnectionState,
    Event,
    IntegrationId,
    MessageId,
    TenantId,
    derived_id,
)

STALE_AFTER = timedelta(minutes=10)
"""A message older than this when it reaches us is stored, and never answered by a bot."""
CLOCK_SKEW = timedelta(seconds=5)
"""How far the provider's clock may be behind ours when we look for what it sent."""


@dataclass(frozen=True, slots=True)
class Integration:
    """One WhatsApp number of a tenant, and the agent that answers it."""

    id: IntegrationId
    tenant: TenantId
    agent_id: AgentId
    instance: str
    state: ConnectionState
    generation: int
    updated_at: datetime
    created: bool = False
    """Whether the provider has the instance; False while it is being made."""
    reason: str | None = None
    phone: str | None = None
    profile_name: str | None = None
    qr_image: str | None = None
    """The QR code as a data URI."""
    qr_code: str | None = None
    pairing_code: str | None = None
    qr_at: datetime | None = None


def instance_name(integration: IntegrationId) -> str:
    """Name the provider's instance: strict characters, unique, and ours at a glance.

    Evolution accepts an empty name and can then never delete it, so we never let it choose.
    """
    return f"parley-{integration.removeprefix('int_')}"


@dataclass(frozen=True, slots=True)
class ChatAddress:
    """Whom a chat is with: a person known by phone, by LID or both, or a group."""

    reply_to: str
    """The JID to send to: the one the last message came from."""
    phone: str | None = None
    """E.164."""
    lid: str | None = None
    group: str | None = None
    name: str | None = None

    @property
    def aliases(self) -> tuple[str, ...]:
        """Every name we know this chat by, the strongest first; never empty."""
        if self.group is not None:
            return (f"group:{self.group}",)
        known = []
        if self.phone is not None:
            known.append(f"phone:{canonical_phone(self.phone)}")
        if self.lid is not None:
            known.append(f"lid:{self.lid}")
        return tuple(known) or (f"jid:{self.reply_to}",)

    def chat_id(self, integration: IntegrationId) -> ChatId:
        """Give the id that a new chat with this address gets."""
        return _chat_id(integration, self.aliases[0])


@lru_cache(maxsize=10_000)
def _chat_id(integration: IntegrationId, alias: str) -> ChatId:
    return ChatId(derived_id("cht", integration, alias))


_BRAZIL = "+55"
_BRAZIL_WITHOUT_NINE = 13
"""Digits of +55, area code and an eight-digit subscriber, with the plus sign."""


def canonical_phone(phone: str) -> str:
    """Give the one spelling of a phone: a Brazilian mobile always with its ninth digit.

    WhatsApp knows such a number with or without the 9, depending on when it was registered;
    a subscriber number that starts with 6-9 is a mobile.
    """
    if phone.startswith(_BRAZIL) and len(phone) == _BRAZIL_WITHOUT_NINE and phone[5] in "6789":
        return f"{phone[:5]}9{phone[5:]}"
    return phone


@dataclass(frozen=True, slots=True)
class Qr:
    """A code to be scanned."""

    code: str | None
    image: str | None
    pairing_code: str | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing a webhook says, before we know which of our chats it is about."""

    event: Event
    """With the chat id that a new chat would get; replaced once the chat is known."""
    chat: ChatAddress | None = None
    """None when the event is about the number, or names a message only by its id."""
    echo: bool = False
    """The provider repeats a message that was sent through its API, perhaps by us."""
    unsupported: str | None = None
    """Why the content could not be read, when it could not."""
    qr: Qr | None = None
    """The code itself, which is no part of any event."""
    told_at: datetime | None = None
    """When the provider said so, by its own clock: fit to be compared with itself, only."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """A webhook, or a part of one, that is deliberately no event."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A webhook of a kind we have never heard of: kept in the dead letters, with the reason."""

    reason: str


class OutboundState(StrEnum):
    """Where a message that we were asked to send stands."""

    QUEUED = "queued"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Outbound:
    """A message that we were asked to send."""

    command_id: CommandId
    tenant: TenantId
    integration_id: IntegrationId
    chat_id: ChatId
    text: str
    state: OutboundState
    created_at: datetime
    typing_ms: int = 0
    attempt_at: datetime | None = None
    """When the last call to the provider began."""
    expires_at: datetime | None = None
    message_id: MessageId | None = None

    def is_unsettled(self) -> bool:
        """Whether a call began and we never learned how it ended."""
        return self.state in {OutboundState.SENDING, OutboundState.UNKNOWN}

    def sending(self, now: datetime) -> Self:
        """Note that a call begins."""
        return replace(self, state=OutboundState.SENDING, attempt_at=now)


@dataclass(frozen=True, slots=True)
class SentMessage:
    """What the provider says it sent."""

    message_id: MessageId
    remote_jid: str
    sent_at: datetime
