"""The agent's fakes: agents and conversations that remember in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from agent_service.domain.model import NewLine
from agent_service.domain.ports import Context
from common.contracts import AgentId
from common.testing import FakeInbox, FakeOutbox

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class FakeAgents:
    """Knows how long each agent waits."""

    waits: dict[AgentId, tuple[float, float]] = field(default_factory=dict)

    async def quiet_times(self, ids: Sequence[AgentId]) -> dict[AgentId, tuple[float, float]]:
        return {one: self.waits[one] for one in ids if one in self.waits}


@dataclass
class FakeConversations:
    """Remembers what it was told."""

    lines: list[NewLine] = field(default_factory=list)

    async def listen(self, lines: Sequence[NewLine], waits: object, now: datetime) -> None:
        self.lines += lines


@dataclass
class Memory:
    """A context, and what was left in it."""

    agents: FakeAgents = field(default_factory=FakeAgents)
    conversations: FakeConversations = field(default_factory=FakeConversations)

    def context(self) -> Context:
        unused: Any = None
        agents: Any = self.agents
        conversations: Any = self.conversations
        return Context(
            FakeInbox(), FakeOutbox(), agents, conversations, limits=unused, now=lambda: NOW
        )


@pytest.fixture
def memory() -> Memory:
    return Memory(FakeAgents({AgentId("agt_1"): (3.0, 30.0)}))
