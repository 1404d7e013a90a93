"""The agent service, over its internal API."""

from common.auth import InternalTokens, Principal
from common.contracts import TenantId
from common.errors import NotFound
from common.http import ApiClient

SUBJECT = "service:whatsapp"


class AgentService:
    """Asks the agent service about agents, in the tenant's name."""

    def __init__(self, api: ApiClient, tokens: InternalTokens) -> None:
        self._api = api
        self._tokens = tokens

    async def exists(self, tenant: TenantId, agent_id: str) -> bool:
        """Say whether the tenant has this agent."""
        principal = Principal(tenant, SUBJECT, frozenset({"agents:read"}))
        token = self._tokens.sign(principal, audience="agent")
        try:
            await self._api.request(
                "GET", f"/api/agents/{agent_id}", headers={"authorization": f"Bearer {token}"}
            )
        except NotFound:
            return False
        return True
