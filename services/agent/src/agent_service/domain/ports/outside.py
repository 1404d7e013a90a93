"""What the use cases need from the outside: models, tools, files, and our hold on a lane."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from agent_service.domain.model import (
    Agent,
    Answer,
    Conversation,
    HttpTool,
    Image,
    Line,
    Request,
    ToolResult,
    ToolSpec,
    Usage,
)
from agent_service.domain.ports.ledger import Prices
from agent_service.domain.ports.storage import Context
from common.contracts import RunId, TenantId
from common.errors import NeedsOperator, ParleyError, Refused, Unavailable


class TooMuchContext(Refused):
    """The model was shown more than it can read."""

    code = "too_much_context"


class AccountRefused(NeedsOperator):
    """The account at the model server has no quota, or its key is none: the next call fails too."""

    code = "account_refused"


class Wasted(ParleyError):
    """A model has done its work, and what it sent is no answer: it is to be paid all the same."""

    model: str = ""
    usage: Usage = Usage()

    @property
    def is_paid(self) -> bool:
        """Whether it says what is to be paid."""
        return self.usage != Usage()


class Garbled(Wasted, Unavailable):
    """What came cannot be read, or broke off for a passing reason."""

    code = "garbled"


class Unfinished(Wasted, Refused):
    """The model stopped for a reason that will be there the next time too."""

    code = "unfinished"


class Lease(Protocol):
    """Our hold on the conversation's lane while we answer its turn."""

    @property
    def job(self) -> Any:
        """The job itself, for what ends it together with its effect; opaque in here."""

    @property
    def attempts(self) -> int:
        """How often this turn has failed before."""

    @property
    def waiting_since(self) -> datetime:
        """When the turn was opened."""

    async def confirm(self, context: Context) -> None:
        """Renew it in this transaction; raises when it is lost."""

    async def finish(self, context: Context) -> None:
        """Take the turn off its lane in this transaction; raises when the lease is lost."""


class Model(Protocol):
    """A language model."""

    async def answer(self, request: Request) -> Answer:
        """Answer a conversation, or ask for tools.

        Raises:
            Wasted: it was paid for, and is none; `Garbled` or `Unfinished`.
            Transient: try later.
            TooMuchContext: the same with less may work.
            AccountRefused: nothing will work until a person has seen to it.
            Permanent: this model, key or request will never work.
        """


class Moderator(Protocol):
    """Judges what customers write."""

    async def flagged(self, agent: Agent, text: str) -> tuple[str, ...]:
        """Name the categories that a text is flagged for; raises as `Model.answer` does."""


class Ears(Protocol):
    """Hears recordings."""

    def model_for(self, agent_transcription_model: str | None) -> str | None:
        """Name the model that would hear; None when nobody can."""

    async def hear(self, agent: Agent, sound: bytes, mimetype: str) -> tuple[str, Usage]:
        """Write down what a recording says; raises as `Model.answer` does."""


class Files(Protocol):
    """The bytes of media, by their keys in the object store."""

    async def read(self, tenant: TenantId, reference: str) -> bytes:
        """Read a tenant's file.

        Raises:
            NotFound: it is not there, or not this tenant's.
            Unavailable: the store is away.
        """

    async def keep(self, tenant: TenantId, content: bytes, mimetype: str) -> str:
        """Store a file; returns its reference, which follows from its content."""

    async def see(self, tenant: TenantId, lines: Sequence[Line]) -> Mapping[int, Image]:
        """Read the pictures of lines, by their places; what is missing or too large is left out."""


@dataclass(frozen=True, slots=True)
class ToolScope:
    """On whose behalf a tool is used: said by the run, never by a model."""

    agent: Agent
    conversation: Conversation
    run: RunId
    seq: int
    call_id: str
    key: str
    """Names this one use for ever: the same run, step and call have the same key."""
    now: datetime

    @property
    def tenant(self) -> TenantId:
        """Whose customer this is."""
        return self.agent.tenant


@dataclass(frozen=True, slots=True)
class LocalTool:
    """A tool whose effect is in our own database: it commits together with its result."""

    spec: ToolSpec
    act: Callable[[ToolScope, dict[str, Any], Context], Awaitable[ToolResult]]


@dataclass(frozen=True, slots=True)
class RemoteTool:
    """A tool somewhere else: its result is written down after it, its beginning before it."""

    spec: ToolSpec
    call: Callable[[ToolScope, dict[str, Any]], Awaitable[ToolResult]]
    """Raises as `common.http.ApiClient.request` does."""
    lookup: Callable[[ToolScope], Awaitable[ToolResult | None]] | None = None
    """Says what became of a call with this key; None when it never happened."""
    repeatable: bool = False
    """Whether a call with the same key may be made again."""


Tool = LocalTool | RemoteTool


class Toolbox(Protocol):
    """All tools there are."""

    @property
    def names(self) -> frozenset[str]:
        """Of those that every tenant may allow its agents."""

    def build(self, agent: Agent, own: Sequence[HttpTool]) -> dict[str, Tool]:
        """Give an agent's tools by name, in a stable order: what it was allowed and exists."""


Alarm = Callable[[Agent, str], None]
"""Tells the operator that the model account of an agent refuses, and why."""


def nobody_is_told(_: Agent, __: str) -> None:
    """The alarm where there is nobody to hear it."""


@dataclass(frozen=True, slots=True)
class Outside:
    """All of it, for those who answer."""

    model: Model
    toolbox: Toolbox
    prices: Prices
    moderator: Moderator
    ears: Ears
    files: Files
    default_model: str
    alarm: Alarm = nobody_is_told
