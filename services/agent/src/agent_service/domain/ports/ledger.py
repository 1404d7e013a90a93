"""What the use cases need written down about runs, and what limits them."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, Protocol

from agent_service.domain.model import Allowance, Ask, Limits, Price, Reached, Step, Turn, Usage
from common.contracts import AgentId, ConversationId, RunId, TenantId


class Runs(Protocol):
    """The journals of runs."""

    async def journal(self, turn: Turn, steps: Sequence[Step]) -> None:
        """Write steps down, or what became of them, in the run of this turn."""

    async def earlier(self, runs: Collection[str]) -> dict[str, tuple[Step, ...]]:
        """Read what runs asked of tools and were told, by run."""

    async def last_agent(self, conversation: ConversationId) -> AgentId | None:
        """Name the agent that has answered last; None when none has."""

    async def enter(
        self, run: RunId, owner: tuple[TenantId, AgentId, ConversationId], step: Step
    ) -> None:
        """Write a single step of work outside of turns: a summary, a transcription."""

    async def usage(self, since: date, until: date, by: Sequence[str]) -> list[dict[str, Any]]:
        """Add up what was used in [since, until), grouped by agent, model or day."""


class Budgets(Protocol):
    """What may be spent: reserved before a model call, settled after it."""

    async def reserve(self, ask: Ask) -> tuple[float, Reached | None, tuple[Reached, ...]]:
        """Take what a call may use at most, for every scope or for none.

        Returns:
            Seconds to wait, 0 when taken; the limit that refuses it; what is to be announced.
        """

    async def settle(self, ask: Ask, usage: Usage, micros: int) -> None:
        """Put what was really used in the place of what was reserved."""

    async def release(self, ask: Ask) -> None:
        """Give back what was reserved and not used."""

    async def of_tenant(self, tenant: TenantId) -> Allowance:
        """Read what a whole tenant may use."""

    async def set_for_tenant(self, tenant: TenantId, limits: Limits) -> None:
        """Write what it allows itself."""


class Prices(Protocol):
    """What models cost; operators edit it."""

    async def refresh(self) -> None:
        """Read the prices again when they have grown old; never inside a transaction."""

    def of(self, model: str) -> Price:
        """Give a model's price, or the default that stands in for one without."""
