"""What the agent says about its conversations."""

from datetime import date
from typing import ClassVar, Literal

from common.contracts.event import Event
from common.contracts.ids import AgentId, ChatId, ConversationId, IntegrationId
from common.contracts.topics import Topic


class HandoffRequested(Event):
    """A conversation needs a person: the customer, the agent or a limit asked for one."""

    type: ClassVar[str] = "agent.handoff.requested"
    topic: ClassVar[Topic] = Topic.AGENT_CONVERSATIONS
    key: ClassVar[str] = "conversation_id"

    conversation_id: ConversationId
    agent_id: AgentId
    integration_id: IntegrationId
    chat_id: ChatId
    reason: str
    summary: str = ""
    """What a person must know: in the agent's words, or what was said last."""


class ConversationStateChanged(Event):
    """A conversation moved between bot, handoff_requested, human and closed."""

    type: ClassVar[str] = "agent.conversation.state_changed"
    topic: ClassVar[Topic] = Topic.AGENT_CONVERSATIONS
    key: ClassVar[str] = "conversation_id"

    conversation_id: ConversationId
    agent_id: AgentId
    integration_id: IntegrationId
    chat_id: ChatId
    state: Literal["bot", "handoff_requested", "human", "closed"]
    previous: Literal["bot", "handoff_requested", "human", "closed"]
    reason: str = ""


class LimitReached(Event):
    """A budget is nearly used up (soft) or used up (hard); said once per period and level."""

    type: ClassVar[str] = "agent.limit.reached"
    topic: ClassVar[Topic] = Topic.AGENT_CONVERSATIONS
    key: ClassVar[str] = "conversation_id"

    conversation_id: ConversationId
    """The conversation in which it was noticed."""
    agent_id: AgentId
    scope: Literal["tenant", "agent", "contact"]
    """Whose budget: the tenant's, this agent's, or this contact's."""
    period: Literal["day", "month"]
    level: Literal["soft", "hard"]
    used_micros: int
    """Millionths of a US dollar, what is reserved included."""
    limit_micros: int
    since: date
    """The first day of the period, in UTC."""
