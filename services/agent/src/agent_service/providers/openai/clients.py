"""One client per address and key, over shared pools: the operator's server, or a tenant's own."""

from collections.abc import Callable
from functools import lru_cache

import httpx2
from openai import AsyncOpenAI

from agent_service.domain.model import Agent


def clients(
    base: AsyncOpenAI, theirs: httpx2.AsyncClient, open_key: Callable[[str, str], str]
) -> Callable[[Agent], AsyncOpenAI]:
    """Make what gives each agent its client.

    Args:
        base: the operator's server and key.
        theirs: the guarded pool for addresses that tenants chose.
        open_key: (sealed key, tenant) → key.
    """

    @lru_cache(maxsize=1000)
    def client_of(base_url: str | None, sealed_key: str | None, tenant: str) -> AsyncOpenAI:
        client = base
        if base_url is not None:
            # The operator's key never goes to a server that a tenant chose; and a server without
            # keys is given a word, since the SDK refuses to send none.
            client = client.with_options(base_url=base_url, http_client=theirs, api_key="none")
        if sealed_key is not None:
            client = client.with_options(api_key=open_key(sealed_key, tenant))
        return client

    return lambda agent: client_of(agent.settings.base_url, agent.sealed_api_key, agent.tenant)
