"""What we were asked to send, and where it stands."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Literal, Self

from common.contracts import (
    ChatId,
    CommandId,
    Content,
    IntegrationId,
    MessageId,
    MessageKind,
    TenantId,
)
from whatsapp_service.domain.model.outgoing import is_told_as, parts_of

CLOCK_SKEW = timedelta(seconds=5)
"""How far the provider's clock may be behind ours when we look for what it sent."""

Priority = Literal["reply", "broadcast"]


class OutboundState(StrEnum):
    """Where a message that we were asked to send stands."""

    QUEUED = "queued"
    SENDING = "sending"
    UNKNOWN = "unknown"
    """Its call ended without an answer; the provider is being asked."""
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"
    GIVEN_UP = "given_up"
    """Nobody could find out whether it was sent; it never is again."""


ENDED = frozenset(
    {
        OutboundState.SENT,
        OutboundState.FAILED,
        OutboundState.CANCELLED,
        OutboundState.GIVEN_UP,
    }
)


@dataclass(frozen=True)
class Outbound:
    """Something that we were asked to send or do in a chat."""

    command_id: CommandId
    tenant: TenantId
    integration_id: IntegrationId
    chat_id: ChatId
    content: Content
    state: OutboundState
    created_at: datetime
    typing_ms: int = 0
    priority: Priority = "reply"
    exempt: bool = False
    """Goes to a chat that opted out: the confirmation that it did."""
    attempt_at: datetime | None = None
    """When the last call to the provider began."""
    expires_at: datetime | None = None
    sent_at: datetime | None = None
    sent_ids: tuple[MessageId, ...] = ()
    """WhatsApp's ids of the parts that are out."""
    code: str | None = None
    reason: str | None = None

    @cached_property
    def parts(self) -> tuple[Content, ...]:
        """What is sent, call by call."""
        return parts_of(self.content)

    @property
    def part(self) -> Content:
        """What is to be sent next."""
        return self.parts[min(len(self.sent_ids), len(self.parts) - 1)]

    def is_unsettled(self) -> bool:
        """Whether a call began and we never learned how it ended."""
        return self.state in {OutboundState.SENDING, OutboundState.UNKNOWN}

    def is_told_as(self, kind: MessageKind, words: str, at: datetime) -> bool:
        """Whether a message that is told of can be the one whose call is under way."""
        if self.attempt_at is not None and at < self.attempt_at - CLOCK_SKEW:
            return False
        return is_told_as(self.part, kind, words)

    def expired(self, now: datetime) -> bool:
        """Whether its time has passed."""
        return self.expires_at is not None and self.expires_at <= now

    def sent(self, message_id: MessageId, at: datetime) -> Self:
        """Note that a part is out."""
        ids = (*self.sent_ids, message_id)
        state = OutboundState.SENT if len(ids) >= len(self.parts) else OutboundState.QUEUED
        return replace(self, sent_ids=ids, state=state, sent_at=at)

    def acted(self, at: datetime) -> Self:
        """Note that what is no message was done."""
        return replace(self, state=OutboundState.SENT, sent_at=at)


@dataclass(frozen=True, slots=True)
class SentMessage:
    """What the provider says it sent."""

    message_id: MessageId
    remote_jid: str
    sent_at: datetime
