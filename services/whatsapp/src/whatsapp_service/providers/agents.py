"""The agent service, over its internal API."""

from urllib.parse import quote

from common.auth import InternalTokens, Principal
from common.contracts import TenantId
from common.errors import NotFound, Transient
from common.http import ApiClient

SUBJECT = "service:whatsapp"
SECONDS = 5.0
"""Of the whole question: somebody waits, and not only for this."""
_HINT = "Nothing was changed. Try again when the agent service is up."


class AgentService:
    """Asks the agent service about agents, in the tenant's name."""

    def __init__(self, api: ApiClient, tokens: InternalTokens) -> None:
        self._api = api
        self._tokens = tokens

    async def exists(self, tenant: TenantId, agent_id: str) -> bool:
        """Say whether the tenant has this agent."""
        principal = Principal(tenant, SUBJECT, frozenset({"agents:read"}))
        token = self._tokens.sign(principal, audience="agent")
        path = f"/api/agents/{quote(agent_id, safe='')}"
        try:
            await self._api.request(
                "GET",
                path,
                headers={"authorization": f"Bearer {token}"},
                timeout=SECONDS / 2,
                deadline=SECONDS,
            )
        except NotFound:
            return False
        except Transient as error:
            error.hint = error.hint or _HINT
            raise
        return True
