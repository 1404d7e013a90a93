"""Builds everything one process runs, and is the only module that knows all others."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial

import httpx2
from fastapi import FastAPI
from starlette.types import ASGIApp

from common.auth import Capabilities, InternalTokens, OidcSettings, OidcVerifier, Principal
from common.bus import Bus, KafkaBus, Producer
from common.contracts import utc_now, uuid7
from common.contracts.trace import current_traceparent
from common.db import Database
from common.http import ApiClient, ApiProfile, Wire, open_wire
from common.service import Clock, Component, Mode, Parts, create_app
from common.storage import ObjectStore
from common.telemetry import HttpMetrics, metrics
from gateway_service.api import (
    Audited,
    Doorkeeper,
    FrontDoor,
    Gate,
    InboundGate,
    SharedGate,
    WebhookDoor,
    add_forwards,
    describe,
    document_webhooks,
    keys,
    operators,
)
from gateway_service.app.contexts import context_opener, tenant_opener
from gateway_service.domain.model.forwards import FORWARDS
from gateway_service.domain.model.limits import Allowances, InFlight, Room
from gateway_service.domain.ports import Intake
from gateway_service.domain.usecases.authenticate import KeyAuthenticator, TokenAuthenticator
from gateway_service.domain.usecases.housekeeping import Tidying, tidy
from gateway_service.domain.usecases.webhooks import accept_evolution
from gateway_service.jobs import housekeeping
from gateway_service.providers.kafka_log import KafkaWebhookLog
from gateway_service.providers.upstreams import HttpUpstreams
from gateway_service.repository import PostgresAuditSink, PostgresKeyLookup, PostgresStanding
from gateway_service.settings import Settings

NAME = "gateway"
VERSION = "0.1.0"

_SLACK = 1024 * 1024
"""The framework's own limit lies above ours, so that ours, which names itself, comes first."""
_CONNECTIONS = 1000
_POOL = httpx2.Limits(
    max_connections=_CONNECTIONS, max_keepalive_connections=100, keepalive_expiry=30.0
)
"""Idle connections go before the services, which keep them for 75 s, let go of theirs."""


@asynccontextmanager
async def build(settings: Settings, mode: Mode, bus: Bus | None = None) -> AsyncGenerator[Parts]:
    """Build everything one process runs."""
    async with AsyncExitStack() as stack:
        database = Database(
            settings.sqlalchemy_url,
            pool_size=settings.pool_size,
            application=f"{NAME}-{mode}",
            statement_seconds=settings.statement_seconds,
        )
        stack.push_async_callback(database.close)
        metrics.watch_pool(NAME, lambda: database.in_use)
        store = ObjectStore(settings.object_store_url)
        components: list[Component] = []
        if mode != "api":
            components.append(_housekeeping(settings, database, store))
        if mode == "worker":
            yield Parts(None, components)
            return
        bus = bus or KafkaBus.of(settings, NAME)
        producer = await stack.enter_async_context(bus.producer())
        wire = await stack.enter_async_context(
            open_wire(traceparent=current_traceparent.get, observer=HttpMetrics(), limits=_POOL)
        )
        control = _control(settings, database, wire)
        audited = Audited(control, PostgresAuditSink(database), now=utc_now, new_id=uuid7)
        front = _front(settings, producer, store, audited)
        yield Parts(front, components, health=control.state.health)


def _housekeeping(settings: Settings, database: Database, store: ObjectStore) -> Clock:
    tidying = Tidying(
        audit=PostgresAuditSink(database),
        parking=store,
        now=utc_now,
        audit_age=timedelta(days=settings.audit_days),
        parked_age=timedelta(days=settings.parked_days),
    )
    return housekeeping(partial(tidy, tidying))


def _front(settings: Settings, producer: Producer, store: ObjectStore, rest: ASGIApp) -> ASGIApp:
    intake = Intake(
        log=KafkaWebhookLog(producer),
        parking=store,
        now=utc_now,
        new_id=uuid7,
        max_depth=settings.webhook_max_depth,
    )
    capabilities = Capabilities.parse(settings.capability_keyring)

    room = Room(each=settings.webhook_max_bytes, together=settings.webhook_held_bytes)

    def door(route: str, gate: Gate) -> WebhookDoor:
        accept = partial(accept_evolution, intake)
        return WebhookDoor(route, gate, accept, room)

    return FrontDoor(
        shared=door("webhook/evolution", SharedGate(settings.webhook_secret, time.time)),
        inbound=door("webhooks/inbound", InboundGate(capabilities, time.time)),
        control=rest,
    )


def _control(settings: Settings, database: Database, wire: Wire) -> FastAPI:
    app = create_app(
        NAME,
        VERSION,
        [keys.router, operators.router],
        max_body_size=settings.request_max_bytes + _SLACK,
    )
    document_webhooks(app)
    describe(app, str(settings.public_url))
    app.servers = [{"url": str(settings.public_url).rstrip("/")}]
    authenticator = KeyAuthenticator(
        PostgresKeyLookup(database),
        seconds=settings.key_cache_seconds,
        now=utc_now,
        clock=time.monotonic,
    )
    verifier = _verifier(settings, wire)
    doorkeeper = Doorkeeper(
        authenticator.principal,
        Allowances(settings.rate_per_second, settings.rate_burst),
        InFlight(settings.requests_in_flight, strangers=_CONNECTIONS // 2),
        oidc=_tokens(settings, database, verifier),
    )
    app.state.operators = operators.OperatorGate(
        settings.operator_key,
        oidc=verifier.read if verifier else None,
        scope=settings.oidc.operator_scope if settings.oidc else None,
    )
    app.state.open_all = context_opener(database)
    app.state.authenticator = authenticator
    app.state.doorkeeper = doorkeeper
    app.state.open_for = tenant_opener(database)
    upstreams = _upstreams(settings, wire)
    add_forwards(app, FORWARDS, doorkeeper, upstreams, max_bytes=settings.request_max_bytes)
    return app


def _upstreams(settings: Settings, wire: Wire) -> HttpUpstreams:
    tokens = InternalTokens(NAME, settings.internal_key)
    addresses = {
        "whatsapp": settings.whatsapp_url,
        "agent": settings.agent_url,
        "google": settings.google_url,
        "crm": settings.crm_url,
    }
    return HttpUpstreams(
        wire.http,
        {service: str(url) for service, url in addresses.items()},
        lambda principal, service: tokens.sign(principal, audience=service),
        wire.observer,
        silence_seconds=settings.upstream_timeout_seconds,
    )


def _tokens(
    settings: Settings, database: Database, verifier: OidcVerifier | None
) -> Callable[[str], Awaitable[Principal]] | None:
    if verifier is None:
        return None
    return TokenAuthenticator(
        verifier.verify,
        PostgresStanding(database),
        seconds=settings.key_cache_seconds,
        clock=time.monotonic,
    ).principal


def _verifier(settings: Settings, wire: Wire) -> OidcVerifier | None:
    provider = settings.oidc
    if provider is None:
        return None
    client = ApiClient(wire, ApiProfile(provider="oidc", timeout=5.0, deadline=10.0))

    async def fetch(url: str) -> bytes:
        return (await client.request("GET", url)).content

    trusted = OidcSettings(
        issuer=provider.issuer,
        jwks_url=str(provider.jwks_url),
        audience=provider.audience,
        tenant_claim=provider.tenant_claim,
        scope_claim=provider.scope_claim,
    )
    return OidcVerifier(trusted, fetch)
