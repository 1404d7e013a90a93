"""The API as it is built, with real tokens and row-level security."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from agent_service.app.contexts import tenant_opener
from agent_service.app.wiring import build
from agent_service.domain.model import AgentSettings, NewLine, Role, conversation_id
from agent_service.settings import Settings
from common.auth import InternalTokens, Keyring, Principal
from common.bus import InProcessBus
from common.contracts import (
    AgentId,
    ChatId,
    ConversationId,
    IntegrationId,
    MessageId,
    TenantId,
    new_id,
    utc_now,
)
from common.db import Database, Sql
from common.testing import base_settings, internal_key, prepare_database

SLOW = AgentSettings(quiet_seconds=60, deadline_seconds=60)
ALL = ("agents:read", "agents:write", "conversations:read", "conversations:write")
_SEALED = Sql("select sealed_api_key from agent where id = :id")


@dataclass
class Office:
    """The API, its database, and whoever may call it."""

    http: httpx2.AsyncClient
    database: Database
    keyring: Keyring

    def caller(
        self, tenant: str = "", *, scopes: Sequence[str] = ALL, service: str = "gateway"
    ) -> "Caller":
        tenant = tenant or new_id("ten")
        tokens = InternalTokens(service, internal_key(service))
        principal = Principal(tenant, "key:test", frozenset(scopes))
        return Caller(self, TenantId(tenant), tokens.sign(principal, audience="agent"))

    async def sealed_key(self, agent_id: str) -> str | None:
        sealed = (await self.database.execute(_SEALED, {"id": agent_id})).scalar()
        assert sealed is None or isinstance(sealed, str)
        return sealed


@dataclass
class Caller:
    """Somebody with a token."""

    office: Office
    tenant: TenantId
    token: str

    async def ask(
        self, method: str, path: str, body: Any = None, more: dict[str, str] | None = None
    ) -> httpx2.Response:
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        headers |= more or {}
        # In ASCII, so that what is no text at all can be sent too.
        content = None if body is None else json.dumps(body)
        return await self.office.http.request(
            method, f"/api{path}", content=content, headers=headers
        )

    async def makes(self, **body: Any) -> dict[str, Any]:
        answer = await self.ask("POST", "/agents", {"name": "Ana", **body})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def uploads(self, name: str, content: bytes = b"%PDF") -> dict[str, Any]:
        answer = await self.office.http.post(
            "/api/media-library",
            params={"name": name},
            content=content,
            headers={"authorization": f"Bearer {self.token}", "content-type": "application/pdf"},
        )
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def hears(self, agent_id: str, *texts: str) -> ConversationId:
        """Let a customer write to an agent."""
        integration, chat = IntegrationId(new_id("int")), ChatId("cht_1")
        conversation = conversation_id(self.tenant, integration, chat)
        agent, now = AgentId(agent_id), utc_now()
        lines = [
            NewLine(
                conversation, self.tenant, agent, integration, chat,
                MessageId(f"wa_{n}"), Role.CUSTOMER, text, now, known_as=("+5511988880001",),
            )
            for n, text in enumerate(texts)
        ]  # fmt: skip
        async with tenant_opener(self.office.database, lambda: None)(self.tenant) as context:
            await context.conversations.listen(lines, {agent: SLOW}, now)
        return conversation


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(
    module_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Office]:
    await prepare_database(module_database, "agent")
    database = Database(module_database)
    settings = Settings(
        **base_settings("agent", database=module_database)
        | {"object_store_url": tmp_path_factory.mktemp("objects").as_uri()},
        openai_base_url="http://127.0.0.1:1/v1",
        openai_api_key="sk-operator",
        openai_model="gpt-test",
        model_hosts=("10.9.0.0/16",),
        tool_hosts=("10.9.0.0/16",),
    )
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(build(settings, "api", InProcessBus()))
        assert parts.api is not None
        transport = httpx2.ASGITransport(parts.api, raise_app_exceptions=False)
        http = await stack.enter_async_context(
            httpx2.AsyncClient(transport=transport, base_url="http://agent")
        )
        yield Office(http, database, Keyring.parse(settings.keyring))
    await database.close()
