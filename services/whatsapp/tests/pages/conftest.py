"""The API as it is built, with real tokens and row-level security; its lists are filled here."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest_asyncio

from common.auth import InternalTokens, Principal
from common.bus import InProcessBus
from common.contracts import TenantId, new_id
from common.db import Database, Sql
from common.testing import base_settings, internal_key, prepare_database
from whatsapp_service.app.wiring import build
from whatsapp_service.settings import Settings

ALL = frozenset({"channels:read", "conversations:read"})
_NUMBER = Sql("""
    insert into integration (id, tenant_id, agent_id, channel, instance, state)
    values (:id, :tenant, :agent, 'evolution', :id, 'open')""")


@dataclass
class Caller:
    """Somebody with a token, whose tenant has one number."""

    http: httpx2.AsyncClient
    database: Database
    tenant: TenantId = field(default_factory=lambda: TenantId(new_id("ten")))
    number: str = field(default_factory=lambda: new_id("int"))
    agent: str = field(default_factory=lambda: new_id("agt"))

    async def ask(self, path: str) -> httpx2.Response:
        principal = Principal(self.tenant, "key:test", ALL)
        token = InternalTokens("gateway", internal_key("gateway")).sign(
            principal, audience="whatsapp"
        )
        return await self.http.get(path, headers={"authorization": f"Bearer {token}"})

    async def page(self, link: str) -> tuple[list[dict[str, Any]], str]:
        """What is on a page, and where the next one is; nowhere behind the last."""
        answer = await self.ask(link)
        assert answer.status_code == 200, answer.text
        return answer.json(), answer.links.get("next", {}).get("url", "")

    async def pages(self, link: str) -> list[list[dict[str, Any]]]:
        """All pages from one on."""
        found = []
        while link:
            rows, link = await self.page(link)
            found.append(rows)
        return found

    async def connect(self) -> None:
        """Give the tenant another number."""
        self.number, self.agent = new_id("int"), new_id("agt")
        values = {"id": self.number, "tenant": self.tenant, "agent": self.agent}
        await self.database.execute(_NUMBER, values)

    async def write(self, statement: Sql, **values: Any) -> None:
        """Write something of this tenant's and number's."""
        owner = {"tenant": self.tenant, "number": self.number}
        await self.database.execute(statement, owner | values)


@dataclass
class Desk:
    """The API and its database."""

    http: httpx2.AsyncClient
    database: Database

    async def caller(self) -> Caller:
        """Make a tenant of its own."""
        made = Caller(self.http, self.database)
        await made.connect()
        return made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(module_database: str) -> AsyncGenerator[Desk]:
    await prepare_database(module_database, "whatsapp")
    database = Database(module_database)
    nowhere = "http://127.0.0.1:9"
    settings = Settings(
        **base_settings("whatsapp", database=module_database),
        evolution_url=nowhere,
        evolution_api_key="key",
        agent_url=nowhere,
        gateway_public_url=nowhere,
    )
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(build(settings, "api", InProcessBus()))
        assert parts.api is not None
        transport = httpx2.ASGITransport(parts.api, raise_app_exceptions=False)
        http = await stack.enter_async_context(
            httpx2.AsyncClient(transport=transport, base_url="http://whatsapp")
        )
        yield Desk(http, database)
    await database.close()
