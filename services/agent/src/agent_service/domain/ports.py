"""What the use cases need from the outside, and the context that carries it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from agent_service.domain.model import Agent, Answer, Conversation, Line, NewLine, State, Turn
from common.contracts import AgentId, ConversationId, Event, EventId, TenantId

Clock = Callable[[], datetime]


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
    ) -> EventId:
        """Announce an event when this transaction commits."""

    def add_row(self, row: Any) -> None:
        """Publish a record that is encoded already (the runtime's dead letters)."""


class Agents(Protocol):
    """The agents of a tenant, or (for the worker) of all."""

    async def add(self, agent: Agent) -> None:
        """Keep a new agent."""

    async def get(self, agent_id: AgentId) -> Agent | None:
        """Find one that was not deleted."""

    async def every(self, *, limit: int) -> list[Agent]:
        """List them, the newest first."""

    async def save(self, agent: Agent) -> None:
        """Write a changed agent."""

    async def delete(self, agent_id: AgentId, at: datetime) -> bool:
        """Delete one; False when there is none."""

    async def quiet_times(self, ids: Sequence[AgentId]) -> dict[AgentId, tuple[float, float]]:
        """Read (quiet, deadline) in seconds of agents that exist."""


class Conversations(Protocol):
    """Conversations, their lines, and the turns that wait to be answered."""

    async def listen(
        self, lines: Sequence[NewLine], waits: dict[AgentId, tuple[float, float]], now: datetime
    ) -> None:
        """Add lines once each, in order; open a turn, or push its due time, for the customer's."""

    async def turn(self, turn_id: str, conversation: ConversationId) -> Turn | None:
        """Read what must be answered, with the conversation locked; None when nothing must."""

    async def journal(self, turn: Turn, answer: Answer, *, outcome: str) -> None:
        """Keep what the model said, under the run's name."""

    async def answered(self, turn: Turn, texts: Sequence[str], at: datetime) -> None:
        """Add our own lines, and close the turn."""

    async def newest_seq(self, conversation: ConversationId) -> int:
        """Read the newest line the customer wrote, with the conversation locked."""

    async def change_state(self, conversation: ConversationId, state: State) -> None:
        """Move a conversation to a state."""

    async def every(self, *, limit: int) -> list[Conversation]:
        """List them, the newest first."""

    async def get(self, conversation: ConversationId) -> Conversation | None:
        """Find one."""

    async def lines(self, conversation: ConversationId, *, limit: int) -> list[Line]:
        """List lines, the newest first."""


class Limits(Protocol):
    """The tenant's rate at the model."""

    async def reserve(self, tenant: TenantId, *, per_minute: int) -> float:
        """Take one request out of the tenant's bucket; returns seconds to wait, 0 when taken."""


@dataclass(frozen=True, slots=True)
class Context:
    """What one batch of messages, one job or one request may touch."""

    inbox: Inbox
    outbox: Outbox
    agents: Agents
    conversations: Conversations
    limits: Limits
    now: Clock
    connection: Any = None
    """The transaction itself, for what is finished in it; opaque in here."""


Opener = Callable[[], AbstractAsyncContextManager[Context]]


class OpenForTenant(Protocol):
    """Opens a transaction that can see one tenant only."""

    def __call__(self, tenant: TenantId) -> AbstractAsyncContextManager[Context]:
        """Open it; it commits on success only."""


class Lease(Protocol):
    """Our hold on the conversation's lane while we answer its turn."""

    @property
    def attempts(self) -> int:
        """How often this turn has failed before."""

    @property
    def waiting_since(self) -> datetime:
        """When the turn was opened."""

    async def finish(self, context: Context) -> None:
        """Take the turn off its lane in this transaction; raises when the lease is lost."""


class Model(Protocol):
    """A language model."""

    async def answer(self, turn: Turn) -> Answer:
        """Answer the conversation.

        Raises:
            Transient: try later.
            Permanent: this model, key or request will never work.
        """
