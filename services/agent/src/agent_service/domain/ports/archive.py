"""Conversations as a whole: to be looked at, exported, or forgotten."""

from typing import Any, Protocol

from agent_service.domain.model import Conversation, Fact
from common.contracts import ConversationId


class Archive(Protocol):
    """Whole conversations."""

    async def runs(
        self, conversation: ConversationId, *, limit: int, upto: int | None = None
    ) -> list[dict[str, Any]]:
        """List runs with their steps, the newest first; those that had read up to a line."""

    async def facts(self, conversation: Conversation, *, limit: int) -> list[Fact]:
        """List what is known of the contact, by name: the newest, notes of the team included."""

    async def follow_ups(self, conversation: ConversationId, *, limit: int) -> list[dict[str, Any]]:
        """List what was to be said later and what became of it, the latest first."""

    async def forget(self, conversation: Conversation) -> None:
        """Delete the conversation and what belongs to its contact; the sums of runs stay."""
