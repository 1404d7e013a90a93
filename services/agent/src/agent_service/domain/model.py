"""Agents, conversations and runs as values, and the rules that hold for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from common.contracts import (
    AgentId,
    ChatId,
    CommandId,
    ConversationId,
    IntegrationId,
    MessageId,
    RunId,
    TenantId,
    derived_id,
)


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


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """How an agent behaves; every field has a default a business can start with."""

    instructions: str = "You are a helpful assistant of this business. Answer briefly."
    model: str | None = None
    """None for the operator's default."""
    base_url: str | None = None
    temperature: float | None = None
    max_output_tokens: int = 800
    quiet_seconds: float = 3.0
    """How long the customer must pause before the agent answers."""
    deadline_seconds: float = 30.0
    """The longest a customer who keeps writing waits for an answer."""
    typing_ms_per_char: int = 20
    split_messages: bool = True
    """Send each paragraph of an answer as a message of its own."""
    answer_groups: bool = False
    history_messages: int = 20
    fallback_text: str = "I can't answer right now. A colleague will get back to you."
    requests_per_minute: int = 120


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent of a tenant."""

    id: AgentId
    tenant: TenantId
    name: str
    settings: AgentSettings
    created_at: datetime
    updated_at: datetime
    sealed_api_key: str | None = None


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
    """The newest of the customer's lines that has been answered."""


def conversation_id(
    tenant: TenantId, integration_id: IntegrationId, chat_id: ChatId
) -> ConversationId:
    """Name the conversation: one per tenant, number and chat; two tenants can never share one."""
    return ConversationId(derived_id("cnv", tenant, integration_id, chat_id))


def turn_id(conversation: ConversationId, first_seq: int) -> str:
    """Name the turn that begins with this line of the customer's."""
    return derived_id("trn", conversation, str(first_seq))


def run_id(turn: str, upto_seq: int) -> RunId:
    """Name the run that answers a turn up to a line: the same work has the same name."""
    return RunId(derived_id("run", turn, str(upto_seq)))


def command_id(run: RunId, bubble: int) -> CommandId:
    """Name a message of a run's answer; a run that is repeated sends the same commands."""
    return CommandId(derived_id("cmd", run, str(bubble)))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a conversation."""

    seq: int
    role: Role
    text: str
    at: datetime
    message_id: MessageId | None = None


def in_order_of_answers(lines: Sequence[Line], of: Conversation) -> tuple[Line, ...]:
    """Put lines in the order a model should read them: what waits comes last.

    A line that the customer wrote while we answered stands before our answer; the model would
    take it for answered.
    """
    return tuple(
        sorted(
            lines,
            key=lambda line: (
                line.role is Role.CUSTOMER and line.seq > of.answered_seq,
                line.seq,
            ),
        )
    )


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


@dataclass(frozen=True, slots=True)
class Usage:
    """What a model call cost, in tokens."""

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said."""

    text: str
    usage: Usage
    model: str


@dataclass(frozen=True, slots=True)
class Turn:
    """What must be answered now, and everything needed to do so."""

    id: str
    agent: Agent
    conversation: Conversation
    history: tuple[Line, ...]
    journaled: Answer | None
    """What the model said before we died: it is paid for, and not asked again."""

    @property
    def run(self) -> RunId:
        """The run that answers up to the newest line."""
        return run_id(self.id, self.conversation.last_seq)


_LONGEST_TYPING = timedelta(seconds=20)


def bubbles(text: str, *, split: bool) -> list[str]:
    """Cut an answer into messages: at blank lines if wanted, and at WhatsApp's limit always."""
    parts = text.split("\n\n") if split else [text]
    cut: list[str] = []
    for part in (p.strip() for p in parts):
        rest = part
        while len(rest) > _LONGEST_MESSAGE:
            at = rest.rfind(" ", 0, _LONGEST_MESSAGE)
            at = at if at > 0 else _LONGEST_MESSAGE
            cut.append(rest[:at])
            rest = rest[at:].lstrip()
        if rest:
            cut.append(rest)
    return cut


_LONGEST_MESSAGE = 4096


def typing_ms(text: str, per_char: int) -> int:
    """How long a person would type this, in milliseconds, within reason."""
    return min(len(text) * per_char, int(_LONGEST_TYPING.total_seconds() * 1000))
