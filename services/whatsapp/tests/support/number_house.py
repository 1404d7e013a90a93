"""The whole way of a number: client, real gateway, this service, and the strict Evolution."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from whatsapp_stage import KEY, Mail

from common.auth import InternalTokens, trusted_callers
from common.bus import KafkaBus, Producer, Record, create_topics
from common.contracts import Envelope, Event, EventId, TenantId, new_id, utc_now
from common.contracts.cloudevents import encode_headers
from common.db import Database, Sql
from common.errors import Unauthenticated
from common.testing import (
    base_settings,
    eventually,
    internal_key,
    prepare_database,
    running,
    served,
)
from common.testing.environment import TRUSTED_KEYS
from gateway_service.app.contexts import context_opener as gateway_opener
from gateway_service.app.wiring import build as build_gateway
from gateway_service.domain.usecases.accounts import create_tenant
from gateway_service.settings import Settings as GatewaySettings
from sandbox.app import create_app as create_sandbox
from sandbox.settings import Settings as SandboxSettings
from whatsapp_service.app.wiring import build
from whatsapp_service.settings import Settings

PHONE = "5511988880001"
_QUICK = {"evolution_api_key": KEY, "send_lease_seconds": 2, "settle_seconds": 1}


class Shell:
    """An application whose inside is there later: two services must know each other's address."""

    def __init__(self) -> None:
        self.outer = Starlette()

    def fill(self, app: Any) -> None:
        self.outer.router.default = app


@dataclass
class Agents:
    """The agent service, as far as this one asks it."""

    known: set[tuple[str, str]] = field(default_factory=set)
    away: bool = False
    asked: int = 0

    def app(self) -> Starlette:
        trusted = trusted_callers(TRUSTED_KEYS, {"whatsapp": frozenset({"agents:read"})})
        tokens = InternalTokens("agent", internal_key("agent"), trusted)

        async def show(request: Request) -> Response:
            self.asked += 1
            if self.away:
                return Response(status_code=503)
            try:
                caller = tokens.verify(request.headers["authorization"].removeprefix("Bearer "))
            except Unauthenticated:
                return Response(status_code=401)
            named = (caller.tenant_id, request.path_params["agent"])
            return JSONResponse({}, 200 if named in self.known else 404)

        return Starlette(routes=[Route("/api/agents/{agent}", show)])


@dataclass
class Tenant:
    """A tenant with a key, and an agent of its own."""

    house: "House"
    id: str
    http: httpx2.AsyncClient
    agent: str = field(default_factory=lambda: new_id("agt"))

    @property
    def channel(self) -> str:
        return f"/api/agents/{self.agent}/channels/evolution"

    async def get(self, path: str) -> Any:
        answer = await self.http.get(path)
        assert answer.is_success, (answer.status_code, answer.text)
        return answer.json()

    async def post(self, path: str, body: Any = None, expect: int | None = None) -> Any:
        answer = await self.http.post(path, json=body)
        assert answer.is_success if expect is None else answer.status_code == expect, answer.text
        return answer.json()

    async def connect(self, **wish: Any) -> dict[str, Any]:
        return dict(await self.post(f"{self.channel}/connect", wish))

    async def status(self) -> dict[str, Any]:
        return dict(await self.get(f"{self.channel}/status"))

    async def until(self, state: str, within: float = 15) -> dict[str, Any]:
        """Wait until the number is in a state."""
        seen: list[dict[str, Any]] = []

        async def there() -> bool:
            seen[:] = [await self.status()]
            return bool(seen[0]["state"] == state)

        await eventually(there, within=within, what=f"state {state}")
        return seen[0]

    async def open(self, **wish: Any) -> dict[str, Any]:
        """Connect a number and scan it."""
        made = await self.connect(**wish)
        await self.house.control(f"/evolution/instances/{made['instance']}/scan")
        return await self.until("open")

    def events(self, *types: type[Event]) -> list[Any]:
        """What was published about this tenant, each topic in order."""
        return [
            e.event
            for e in self.house.mail.envelopes
            if e.tenant == self.id and isinstance(e.event, types or (Event,))
        ]

    async def until_events(self, kind: type[Event], count: int = 1, within: float = 15) -> Any:
        what = f"{count} {kind.__name__}"
        await eventually(lambda: len(self.events(kind)) >= count, within=within, what=what)
        return self.events(kind)


@dataclass
class House:
    """Everything that runs, and ways to make it misbehave."""

    address: str
    database: Database
    accounts: Database
    agents: Agents
    evolution: httpx2.AsyncClient
    mail: Mail
    producer: Producer
    settings: Settings
    clients: AsyncExitStack

    async def tenant(self) -> Tenant:
        """Make a tenant with an agent and a key that may do everything."""
        async with gateway_opener(self.accounts)() as context:
            made, key = await create_tenant(context, "Bakery")
        client = httpx2.AsyncClient(
            base_url=self.address, headers={"Authorization": f"Bearer {key.reveal()}"}, timeout=60
        )
        tenant = Tenant(self, made.id, await self.clients.enter_async_context(client))
        self.agents.known.add((tenant.id, tenant.agent))
        return tenant

    async def control(self, path: str, **body: Any) -> Any:
        answer = await self.evolution.post(f"/_sandbox{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    async def fault(self, instance: str | None, fault: str, call: str, **more: Any) -> int:
        """Let Evolution misbehave, towards one number or all."""
        spec = {"provider": "evolution", "call": call, "fault": fault, "instance": instance}
        return int((await self.control("/faults", **spec, **more))["id"])

    async def mend(self) -> None:
        await self.evolution.delete("/_sandbox/faults")

    async def hits(self, fault: int) -> int:
        armed = (await self.evolution.get("/_sandbox/faults")).json()
        return next(int(row["hits"]) for row in armed if row["id"] == fault)

    async def write(self, instance: str, text: str = "oi", **more: Any) -> str:
        """Let a customer write; gives the message's id."""
        order = {"from": PHONE, "text": text, "name": "Ana", **more}
        path = f"/evolution/instances/{instance}/inbound"
        return str((await self.control(path, **order))["message_id"])

    async def publish(self, tenant: Tenant, event: Event) -> None:
        """Say something on the bus in a tenant's name."""
        envelope = Envelope(EventId(new_id("evt")), TenantId(tenant.id), utc_now(), event, "test")
        value = event.model_dump_json().encode()
        record = Record(event.topic, event.record_key, value, encode_headers(envelope))
        await self.producer.publish(record)

    async def instances(self) -> dict[str, dict[str, Any]]:
        rows = (await self.evolution.get("/_sandbox/evolution/instances")).json()
        return {row["name"]: row for row in rows}

    async def rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.database.execute(Sql(statement), values)]

    async def check(self, *numbers: dict[str, Any]) -> None:
        """Let the next round look at these numbers, and wait until it has."""
        ids = [number["integration_id"] for number in numbers]
        asked = "update integration set check_at = now() where id = any(cast(:ids as text[]))"
        await self.rows(asked, ids=ids)
        due = "select 1 from integration where check_at <= now() and id = any(cast(:ids as text[]))"

        async def taken() -> bool:
            return not await self.rows(due, ids=ids)

        await eventually(taken, what="a round")


@asynccontextmanager
async def open_house(
    databases: tuple[str, str], kafka: str, objects: str, **own: Any
) -> AsyncGenerator[House]:
    """Start everything; `own` are settings of the whatsapp service."""
    async with AsyncExitStack() as stack:
        addresses = [
            await prepare_database(url, service)
            for url, service in zip(databases, ("whatsapp", "gateway"), strict=True)
        ]
        await create_topics(kafka)
        bus = KafkaBus(kafka)
        agents, shell = Agents(), Shell()
        agent_url = await stack.enter_async_context(served(agents.app()))
        inside = await stack.enter_async_context(served(shell.outer))
        quick = SandboxSettings(connect_scale=0, retry_scale=0.02, auto_acks=())
        evolution = await stack.enter_async_context(served(create_sandbox(quick)))
        front = await stack.enter_async_context(
            build_gateway(_gateway(databases[1], kafka, objects, inside), "api", bus)
        )
        door = Shell()
        door.fill(front.api)
        address = await stack.enter_async_context(served(door.outer))
        shared = base_settings("whatsapp", database=databases[0], kafka=kafka)
        around = {"evolution_url": f"{evolution}/evolution", "agent_url": agent_url}
        settings = Settings(
            **{**shared, **around, **_QUICK, "object_store_url": objects, **own},
            gateway_public_url=address,
        )
        parts = await stack.enter_async_context(build(settings, "all", bus))
        shell.fill(parts.api)
        await stack.enter_async_context(running(parts))
        mail = Mail()
        await stack.enter_async_context(_collecting(mail, bus))
        database, accounts = Database(addresses[0]), Database(addresses[1])
        for opened in (database, accounts):
            stack.push_async_callback(opened.close)
        sandbox = await stack.enter_async_context(httpx2.AsyncClient(base_url=evolution))
        producer = await stack.enter_async_context(bus.producer())
        yield House(address, database, accounts, agents, sandbox, mail, producer, settings, stack)


def _gateway(database: str, kafka: str, objects: str, inside: str) -> GatewaySettings:
    shared = base_settings("gateway", database=database, kafka=kafka)
    nowhere = "http://127.0.0.1:9"
    return GatewaySettings(
        **{**shared, "object_store_url": objects},
        public_url="https://parley.example",
        webhook_secret="0123456789abcdef",
        whatsapp_url=inside,
        agent_url=nowhere,
        google_url=nowhere,
        crm_url=nowhere,
        rate_per_second=1000,
        rate_burst=2000,
    )


@asynccontextmanager
async def _collecting(mail: Mail, bus: KafkaBus) -> AsyncGenerator[None]:
    ready = asyncio.Event()
    collecting = asyncio.create_task(mail.collect(bus, ready))
    await ready.wait()
    try:
        yield
    finally:
        collecting.cancel()
        await asyncio.gather(collecting, return_exceptions=True)
