"""A model server that gives one answer to everything, and an agent that asks it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx2
from openai import AsyncOpenAI

from agent_service.domain.model import Agent, AgentSettings
from agent_service.providers.openai.server import ModelServer
from common.contracts import AgentId, TenantId

AT = datetime(2026, 11, 23, tzinfo=UTC)


def agent(**settings: Any) -> Agent:
    return Agent(AgentId("agt_1"), TenantId("ten_1"), "Ana", AgentSettings(**settings), AT, AT)


def server(answer: httpx2.Response | Callable[[httpx2.Request], httpx2.Response]) -> ModelServer:
    """A server that gives one answer to everything."""
    given = answer if callable(answer) else lambda _: answer
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(given))
    sdk = AsyncOpenAI(base_url="http://m/v1", api_key="sk", max_retries=0, http_client=http)
    return ModelServer.of(sdk, http)
