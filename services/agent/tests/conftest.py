"""The agent's fakes: agents and conversations that remember in memory."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from agent_service.domain.model import AgentSettings, NewLine
from agent_service.domain.ports import Context, Heard
from common.contracts import AgentId
from common.testing import FakeInbox, FakeOutbox

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class FakeAgents:
    """Knows how each agent behaves."""

    manners: dict[AgentId, AgentSettings] = field(default_factory=dict)

    async def settings_of(self, ids: Collection[AgentId]) -> dict[AgentId, AgentSettings]:
        return {one: self.manners[one] for one in ids if one in self.manners}


@dataclass
class FakeConversations:
    """Remembers what it was told."""

    lines: list[NewLine] = field(default_factory=list)

    async def listen(self, lines: Sequence[NewLine], manners: object, now: datetime) -> list[Heard]:
        self.lines += lines
        return []


@dataclass
class Memory:
    """A context, and what was left in it."""

    agents: FakeAgents = field(default_factory=FakeAgents)
    conversations: FakeConversations = field(default_factory=FakeConversations)

    def manners(self, **changes: Any) -> None:
        """Change how the one agent behaves."""
        self.agents.manners[AgentId("agt_1")] = AgentSettings(**changes)

    def context(self) -> Context:
        unused: Any = None
        agents: Any = self.agents
        conversations: Any = self.conversations
        return Context(
            FakeInbox(),
            FakeOutbox(),
            agents,
            conversations,
            runs=unused,
            budgets=unused,
            facts=unused,
            follow_ups=unused,
            library=unused,
            http_tools=unused,
            chores=unused,
            archive=unused,
            now=lambda: NOW,
        )


@pytest.fixture
def memory() -> Memory:
    return Memory(FakeAgents({AgentId("agt_1"): AgentSettings()}))
