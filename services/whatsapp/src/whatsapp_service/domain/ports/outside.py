"""What the use cases need of others: the lane they work in, the agent service."""

from typing import Protocol

from common.contracts import TenantId
from whatsapp_service.domain.ports.storage import Context


class Lease(Protocol):
    """Our hold on the chat's lane while we work on its head."""

    @property
    def attempts(self) -> int:
        """How often this was tried before."""

    def lost(self) -> Exception:
        """Make the error that says that another worker has the lane."""

    async def confirm(self, context: Context) -> None:
        """Renew it in this transaction; raises when another worker has the lane."""

    async def finish(self, context: Context) -> None:
        """Take the head off its lane in this transaction; raises likewise."""


class Agents(Protocol):
    """The agent service, as far as we need it."""

    async def exists(self, tenant: TenantId, agent_id: str) -> bool:
        """Say whether the tenant has this agent."""
