"""Conversations and their lines, and the names that follow from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from common.contracts import (
    AgentId,
    ChatId,
    ConversationId,
    IntegrationId,
    MessageId,
    TenantId,
    derived_id,
)

TAKEN_BACK = "[deleted]"
"""What stands in a line whose words were taken back."""


class State(StrEnum):
    """Who answers a conversation."""

    BOT = "bot"
    HANDOFF_REQUESTED = "handoff_requested"
    HUMAN = "human"
    CLOSED = "closed"


class Role(StrEnum):
    """Who wrote a line of a conversation."""

    CUSTOMER = "customer"
    AGENT = "agent"
    HUMAN = "human"


class MediaState(StrEnum):
    """How far the file of a line has come."""

    AWAITED = "awaited"
    """It is being fetched."""
    STORED = "stored"
    HEARD = "heard"
    """A recording whose words are the line's text now."""
    LOST = "lost"
    """It could not be fetched or heard."""


@dataclass(frozen=True, slots=True)
class LineMedia:
    """The file of a line."""

    kind: str
    """As in `common.contracts.MessageKind`."""
    state: MediaState
    reference: str | None = None
    """Its key in the object store."""
    mimetype: str | None = None
    name: str | None = None
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """Something that cannot be undone, which the customer was asked to confirm."""

    tool: str
    arguments: str
    """Canonical JSON: exactly this is confirmed, nothing like it."""
    asked_seq: int
    """The customer's newest line when they were asked: the yes comes after it."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Conversation:
    """One chat of one number, as its agent sees it."""

    id: ConversationId
    tenant: TenantId
    agent_id: AgentId
    integration_id: IntegrationId
    chat_id: ChatId
    state: State
    last_seq: int
    """The newest line the customer wrote."""
    answered_seq: int
    """The newest of the customer's lines that has been answered, or waits for no answer."""
    summary: str = ""
    summary_upto: int = 0
    """The newest line that the summary tells of."""
    pending: Pending | None = None
    human_until: datetime | None = None
    """When the agent takes a person's conversation back by itself; None for never."""
    known_as: tuple[str, ...] = ()
    """The names of the other side: phone and LID, or the id of a group."""
    updated_at: datetime | None = None
    """When it moved last."""

    @property
    def phone(self) -> str | None:
        """The customer's phone, where it is known."""
        return next((name for name in self.known_as if name.startswith("+")), None)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a conversation."""

    seq: int
    role: Role
    text: str
    at: datetime
    message_id: MessageId | None = None
    media: LineMedia | None = None
    run: str | None = None
    """The run that said it."""
    speaker: str = ""
    """Who wrote it, in a group."""
    attached: str = ""
    """What came with the words: a place, a contact, what is quoted; see `attached.attached_to`."""
    unsent: bool = False
    """It was to be sent and never will be: nobody has read it."""
    opted_out: bool = False
    """Its customer wants to hear nothing: it waits for no answer, nor does what came before it."""


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line somebody wrote, before it has its place."""

    conversation: ConversationId
    tenant: TenantId
    agent_id: AgentId
    integration_id: IntegrationId
    chat_id: ChatId
    message_id: MessageId
    role: Role
    text: str
    at: datetime
    traceparent: str | None = None
    media: LineMedia | None = None
    speaker: str = ""
    attached: str = ""
    known_as: tuple[str, ...] = ()
    """The names of whom the conversation is with, where this line tells them."""
    opted_out: bool = False
    """As in `Line`."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something an agent was told about a contact, or a note for the team."""

    kind: str
    """`fact` or `note`."""
    name: str
    value: str


def conversation_id(
    tenant: TenantId, integration_id: IntegrationId, chat_id: ChatId
) -> ConversationId:
    """Name the conversation: one per tenant, number and chat; two tenants can never share one."""
    return ConversationId(derived_id("cnv", tenant, integration_id, chat_id))


def in_order_of_answers(lines: Sequence[Line], of: Conversation) -> tuple[Line, ...]:
    """Put lines in the order a model should read them: what waits comes last.

    A line that the customer wrote while we answered stands before our answer; the model would
    take it for answered. What was never sent was not said.
    """
    return tuple(
        sorted(
            (line for line in lines if not line.unsent),
            key=lambda line: (
                line.role is Role.CUSTOMER and line.seq > of.answered_seq,
                line.seq,
            ),
        )
    )


def media_of(stored: dict[str, Any] | None) -> LineMedia | None:
    """Read a line's file as it was written down."""
    return None if stored is None else LineMedia(**{**stored, "state": MediaState(stored["state"])})
