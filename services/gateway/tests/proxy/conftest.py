"""A gateway between a client and one upstream that plays every service."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from common.auth import InternalTokens, Principal, TrustedCaller, generate_internal_key
from common.contracts import uuid7
from common.errors import Unauthenticated
from common.http import open_wire
from common.service import create_app
from common.telemetry import HttpMetrics
from common.testing import served
from gateway_service.api import Audited, Doorkeeper, add_forwards
from gateway_service.domain.model.accounts import SCOPES
from gateway_service.domain.model.forwards import FORWARDS
from gateway_service.domain.model.limits import Allowances, InFlight
from gateway_service.domain.usecases.authenticate import KeyAuthenticator
from gateway_service.providers.upstreams import HttpUpstreams

MIB = 1024 * 1024


@dataclass
class Upstream:
    """All services in one: it believes the gateway's tokens, echoes, streams, sleeps."""

    tokens: list[InternalTokens]
    events: asyncio.Event = field(default_factory=asyncio.Event)
    streams: int = 0

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/api/chats/{chat_id}/stream", self.stream),
                Route("/api/chats/slow", self.sleep, methods=["GET", "POST"]),
                Route("/api/chats/refused", self.refuse, methods=["POST"]),
                Route("/api/files/{token}", self.open, methods=["GET"]),
                Route("/{path:path}", self.echo, methods=["GET", "POST", "PUT", "DELETE"]),
            ]
        )

    def whom(self, request: Request) -> tuple[str, Principal]:
        """Say which service a token was made for: exactly one believes it."""
        token = request.headers["authorization"].removeprefix("Bearer ")
        believed = []
        for tokens in self.tokens:
            with suppress(Unauthenticated):
                believed.append((tokens.service, tokens.verify(token)))
        [only] = believed
        return only

    async def echo(self, request: Request) -> Response:
        service, principal = self.whom(request)
        body = await request.body()
        seen = {
            "service": service,
            "method": request.method,
            "target": (request.scope["raw_path"] + b"?" + request.scope["query_string"]).decode(),
            "headers": dict(request.headers.items()),
            "body": len(body) if len(body) > 100 else body.decode(),
            "tenant": principal.tenant_id,
            "subject": principal.subject,
            "scopes": sorted(principal.scopes),
        }
        headers = {"x-made-by": service, "connection": "x-hop", "x-hop": "1"}
        headers["link"] = f'<{request.url.path}?cursor=x>; rel="next"'
        return JSONResponse(seen, headers=headers, status_code=201)

    async def open(self, request: Request) -> Response:
        told = [name for name in ("authorization", "cookie") if name in request.headers]
        return JSONResponse({"path": request.url.path, "headers": told})

    async def refuse(self, request: Request) -> Response:
        return Response(b'{"code":"conflict"}', 409, media_type="application/problem+json")

    async def sleep(self, request: Request) -> Response:
        await self.events.wait()
        return Response()

    async def stream(self, request: Request) -> Response:
        async def lines() -> AsyncIterator[bytes]:
            self.streams += 1
            try:
                yield b"data: first\n\n"
                await self.events.wait()
                yield b"data: second\n\n"
            finally:
                self.streams -= 1

        return StreamingResponse(lines(), media_type="text/event-stream")


@dataclass
class Stage:
    """A gateway between a client and its upstreams."""

    client: httpx2.AsyncClient
    upstream: Upstream
    accounts: Any
    in_flight: InFlight

    def key(self, *scopes: str, tenant: str = "ten_a") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.accounts.add(*scopes, tenant=tenant).reveal()}"}


Away = dict[str, str]


@asynccontextmanager
async def staged(
    accounts: Any,
    *,
    burst: int = 1000,
    silence: float = 5.0,
    away: Away | None = None,
    at_once: int = 100,
    connections: int = 200,
) -> AsyncGenerator[Stage]:
    private, public = generate_internal_key()
    gateway = InternalTokens("gateway", private)
    services = {forward.service for forward in FORWARDS}
    upstream = Upstream([_believing(service, public) for service in services])
    async with (
        served(upstream.app()) as there,
        open_wire(limits=httpx2.Limits(max_connections=connections)) as wire,
    ):
        sender = HttpUpstreams(
            wire.http,
            {**dict.fromkeys(services, there), **(away or {})},
            lambda principal, service: gateway.sign(principal, audience=service),
            HttpMetrics(),
            silence_seconds=silence,
        )
        in_flight = InFlight(at_once, strangers=at_once)
        doorkeeper = _doorkeeper(accounts, Allowances(0.5, burst), in_flight)
        app = create_app("gateway", "test", [], max_body_size=11 * MIB)
        add_forwards(app, FORWARDS, doorkeeper, sender, max_bytes=10 * MIB)
        audited = Audited(app, accounts, now=lambda: accounts.now, new_id=uuid7, clock=lambda: 0.0)
        async with (
            served(_without_lifespan(audited)) as address,
            httpx2.AsyncClient(base_url=address, trust_env=False) as client,
        ):
            try:
                yield Stage(client, upstream, accounts, in_flight)
            finally:
                # A server waits for its last requests before it stops.
                upstream.events.set()


def _doorkeeper(accounts: Any, allowances: Allowances, in_flight: InFlight) -> Doorkeeper:
    keys = KeyAuthenticator(accounts, seconds=5, now=lambda: accounts.now, clock=lambda: 0.0)
    return Doorkeeper(keys.principal, allowances, in_flight, clock=lambda: 0.0)


def _without_lifespan(app: Any) -> Any:
    """`served` insists on a lifespan; ours needs none."""
    shell = Starlette()
    shell.router.default = app
    return shell


def _believing(name: str, public: str) -> InternalTokens:
    return InternalTokens(
        name, generate_internal_key()[0], {"gateway": TrustedCaller(public, SCOPES)}
    )


@pytest.fixture(name="staged")
def staged_fixture() -> Callable[..., AbstractAsyncContextManager[Stage]]:
    return staged


@pytest.fixture
async def stage(accounts: Any) -> AsyncGenerator[Stage]:
    async with staged(accounts) as stage:
        yield stage
