"""What we were asked to send, and where it stands."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from common.contracts import ChatId, CommandId, IntegrationId, MessageId, TenantId

CLOCK_SKEW = timedelta(seconds=5)
"""How far the provider's clock may be behind ours when we look for what it sent."""


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
