"""What the use cases need kept: conversations and their runs, and what agents may use."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from agent_service.domain.model import (
    Agent,
    AgentSettings,
    Conversation,
    Line,
    LineMedia,
    NewLine,
    Pending,
    State,
    Step,
    Turn,
)
from agent_service.domain.ports.archive import Archive
from agent_service.domain.ports.ledger import Budgets, Runs
from agent_service.domain.ports.shelves import Facts, FollowUps, HttpTools, Library
from common.contracts import (
    AgentId,
    CommandId,
    ConversationId,
    Event,
    EventId,
    MessageId,
    TenantId,
)
from common.places import TOP, Place

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

    async def get(self, agent_id: AgentId, *, to_change: bool = False) -> Agent | None:
        """Find one that was not deleted; `to_change`: nobody else does before this is over."""

    async def every(self, *, limit: int, after: Place = TOP) -> list[Agent]:
        """List them from a place on, the newest first."""

    async def save(self, agent: Agent) -> None:
        """Write a changed agent."""

    async def delete(self, agent_id: AgentId, at: datetime) -> bool:
        """Delete one; False when there is none."""

    async def falls_back_to(self, agent_id: AgentId) -> str | None:
        """Name an agent whose fallback this is; None when it is nobody's."""

    async def refuse_account(self, agent: Agent, until: datetime, because: str) -> bool:
        """Leave an agent's model account alone, with all agents that share it.

        Returns False when it is left alone already, or is another one by now.
        """

    async def settings_of(self, ids: Collection[AgentId]) -> dict[AgentId, AgentSettings]:
        """Read how agents behave, of those that exist."""


@dataclass(frozen=True, slots=True)
class Held:
    """A conversation as it is now, locked."""

    last_seq: int
    state: State


@dataclass(frozen=True, slots=True)
class Heard:
    """A conversation that moved while we listened: its people, or who answers it."""

    line: NewLine
    """The newest of it."""
    state: State
    returned_from: State | None = None
    """It is the agent's again, because a person's time with it was over."""
    owner_wrote: bool = False
    """The owner of the number typed on the phone."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: what is said, and what it is remembered by."""

    outcome: str
    texts: Sequence[str] = ()
    answer: str = ""
    reason: str = ""
    steps: Sequence[Step] = ()
    """The steps that are not in the journal yet."""


class Conversations(Protocol):
    """Conversations, their lines, and the turns that wait to be answered."""

    async def listen(
        self, lines: Sequence[NewLine], manners: Mapping[AgentId, AgentSettings], now: datetime
    ) -> list[Heard]:
        """Add lines once each, in order; open a turn, or push its due time, for the customer's.

        Returns the conversations that somebody must be told about.
        """

    async def turn(self, turn_id: str, conversation: ConversationId) -> Turn | None:
        """Read what must be answered, with the conversation locked; None when nothing must."""

    async def hold(self, conversation: ConversationId) -> Held:
        """Lock a conversation and read how it stands."""

    async def answered(self, turn: Turn, ended: Ended, at: datetime) -> None:
        """Add our own lines, end the run and the turn; lines that came since open the next."""

    async def set_aside(self, turn: Turn, ended: Ended, *, close: bool) -> None:
        """End a run that says nothing; `close` ends its turn as well."""

    async def change_state(
        self, conversation: ConversationId, state: State, until: datetime | None = None
    ) -> None:
        """Move a conversation to a state; a person's ends by itself at `until`."""

    async def pass_over(self, conversation: ConversationId, upto: int) -> None:
        """End a turn that is not answered, and will not be."""

    async def set_pending(self, conversation: ConversationId, pending: Pending | None) -> None:
        """Remember what the customer was asked to confirm, or forget it."""

    async def summarised(self, conversation: ConversationId, summary: str, upto: int) -> bool:
        """Keep a summary that goes up to a line; False when a newer one is there."""

    async def say(
        self, conversation: ConversationId, text: str, at: datetime, command: CommandId
    ) -> None:
        """Add a line of ours outside of a turn."""

    async def unsent(self, conversation: ConversationId, seq: int) -> None:
        """Write down that a line was never sent."""

    async def say_as_person(
        self, conversation: ConversationId, text: str, at: datetime, command: CommandId
    ) -> None:
        """Add a person's line, once per command; it answers what the customer wrote."""

    async def said_by(self, conversation: ConversationId, command: CommandId) -> str | None:
        """Give what a command has said; None when there was none."""

    async def reopen(self, conversation: Conversation, answered: int, at: datetime) -> None:
        """Open a turn for what the customer wrote after a line."""

    async def media_came(
        self, conversation: ConversationId, message: MessageId, media: LineMedia
    ) -> bool:
        """Write down what became of a line's file; False when there is no such line."""

    async def opted_out(self, conversation: ConversationId, message: MessageId) -> bool:
        """Say whether the line of a message waits for no answer, as its customer had opted out."""

    async def amend(self, conversation: ConversationId, message: MessageId, text: str) -> None:
        """Give the line of a message other words."""

    async def take_back(self, conversation: ConversationId, message: MessageId) -> None:
        """Forget what the line of a message said."""

    async def heard(
        self, conversation: ConversationId, message: MessageId, text: str | None
    ) -> None:
        """Write down what a recording says; None when it cannot be heard."""

    async def release(self, conversation: ConversationId, now: datetime) -> None:
        """Let a turn go on that waited for files, when the last of them has come."""

    async def every(
        self, *, limit: int, state: State | None = None, after: Place = TOP
    ) -> list[Conversation]:
        """List them, or those in a state, from a place on, the newest first."""

    async def get(self, conversation: ConversationId) -> Conversation | None:
        """Find one."""

    async def lines(
        self, conversation: ConversationId, *, limit: int, after: int = 0, upto: int | None = None
    ) -> list[Line]:
        """List lines, the newest first."""


@dataclass(frozen=True, slots=True)
class Chore:
    """Work for later, outside of any turn."""

    tenant: TenantId
    lane: str
    """Chores of one lane are done in order, and wait for each other."""
    name: str
    """The same name twice is done once."""
    what: dict[str, str]
    due_at: datetime | None = None


class Chores(Protocol):
    """Where chores wait."""

    async def add(self, chore: Chore) -> None:
        """Queue a chore."""


@dataclass(frozen=True, slots=True)
class Context:
    """What one batch of messages, one job or one request may touch."""

    inbox: Inbox
    outbox: Outbox
    agents: Agents
    conversations: Conversations
    runs: Runs
    budgets: Budgets
    facts: Facts
    follow_ups: FollowUps
    library: Library
    http_tools: HttpTools
    chores: Chores
    archive: Archive
    now: Clock
    connection: Any = None
    """The transaction itself, for what is finished in it; opaque in here."""


Opener = Callable[[], AbstractAsyncContextManager[Context]]


class OpenForTenant(Protocol):
    """Opens a transaction that can see one tenant only."""

    def __call__(self, tenant: TenantId) -> AbstractAsyncContextManager[Context]:
        """Open it; it commits on success only."""
