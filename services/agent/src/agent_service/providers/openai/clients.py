"""One server per address and key, over shared pools: the operator's, or a tenant's own."""

from collections.abc import Callable
from functools import lru_cache

from openai import AsyncOpenAI

from agent_service.domain.model import Agent
from agent_service.providers.openai.server import ModelServer

ServerFor = Callable[[Agent], ModelServer]


def servers(
    operators: ModelServer, theirs: ModelServer, open_key: Callable[[str, str], str]
) -> ServerFor:
    """Make what gives each agent its server.

    Args:
        operators: the server and key for agents that name none.
        theirs: no server at all, over the guarded pool for addresses that tenants chose.
        open_key: (sealed key, tenant) → key.
    """

    @lru_cache(maxsize=1000)
    def server_of(base_url: str | None, sealed_key: str | None, tenant: str) -> ModelServer:
        place, seconds = operators, operators.timeout["read"]
        if base_url is None and sealed_key is None:
            return operators
        client: AsyncOpenAI = operators.sdk
        if base_url is not None:
            # The operator's key never goes to a server that a tenant chose; and a server without
            # keys is given a word, since the SDK refuses to send none.
            place, client = theirs, theirs.sdk.with_options(base_url=base_url)
        if sealed_key is not None:
            client = client.with_options(api_key=open_key(sealed_key, tenant))
        return ModelServer.of(client, place.http, seconds=seconds)

    return lambda agent: server_of(agent.settings.base_url, agent.sealed_api_key, agent.tenant)
