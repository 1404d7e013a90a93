"""What tools keep: facts about contacts, files, follow-ups, and tools of a tenant's own."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from agent_service.domain.model import Conversation, Fact, FollowUp, HttpTool, MediaItem
from agent_service.domain.ports.places import FIRST, NamePlace
from common.contracts import ChatId, ConversationId, TenantId


class Facts(Protocol):
    """What is known about contacts."""

    async def keep(self, tenant: TenantId, contact: ChatId, fact: Fact) -> None:
        """Write a fact, in the place of an older one of its name."""


class FollowUps(Protocol):
    """What is to be said later."""

    async def add(self, conversation: Conversation, follow_up: FollowUp) -> int:
        """Keep one; returns how many wait in this conversation now."""

    async def waiting(self, follow_up: str) -> FollowUp | None:
        """Read and lock one; None when it was cancelled or said before."""

    async def postpone(self, follow_up: FollowUp, until: datetime) -> FollowUp:
        """Give one another time."""

    async def end(self, follow_up: str, state: str) -> None:
        """Write down what became of one: `said` or `cancelled`."""

    async def cancel(self, conversation: ConversationId) -> None:
        """Cancel all that waits in a conversation."""


class Library(Protocol):
    """A tenant's files."""

    async def add(self, item: MediaItem) -> MediaItem:
        """Keep one, in the place of an older one of its name; gives it as it is kept."""

    async def named(self, tenant: TenantId, name: str) -> MediaItem | None:
        """Find one."""

    async def every(
        self, tenant: TenantId, *, limit: int, after: NamePlace = FIRST
    ) -> list[MediaItem]:
        """List them from a place on, by name."""

    async def delete(self, item_id: str) -> bool:
        """Forget one; False when there is none."""


class HttpTools(Protocol):
    """Tools that tenants define."""

    async def add(self, tool: HttpTool) -> None:
        """Keep a new one.

        Raises:
            Conflict: the tenant has one of this name.
        """

    async def get(self, tool_id: str, *, to_change: bool = False) -> HttpTool | None:
        """Find one; `to_change`: nobody else does before this is over."""

    async def named(self, tenant: TenantId, names: Collection[str]) -> list[HttpTool]:
        """Find those with these names."""

    async def every(self, *, limit: int, after: NamePlace = FIRST) -> list[HttpTool]:
        """List them from a place on, by name."""

    async def save(self, tool: HttpTool) -> None:
        """Write a changed one; raises as `add` does."""

    async def delete(self, tool_id: str) -> bool:
        """Forget one; False when there is none."""
