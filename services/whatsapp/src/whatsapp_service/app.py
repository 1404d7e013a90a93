"""The front hall: builds everything, and is the only module that knows all others."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple

from fastapi import FastAPI

from common.auth import Capabilities, InternalTokens, Keyring, trusted_callers
from common.bus import Bus, Consumer, Dispatcher, KafkaBus, Relay
from common.contracts import CommandId, IntegrationId, TenantId, new_id, utc_now
from common.contracts.trace import current_traceparent
from common.db import Connection, Database, Inbox, Outbox, api_role
from common.http import ApiClient, ApiProfile, open_wire
from common.lanes import ParkedJob
from common.service import Component, Mode, Parts, create_app
from common.telemetry import HttpMetrics, metrics
from whatsapp_service import api
from whatsapp_service.consumers import routes
from whatsapp_service.domain.model import Integration
from whatsapp_service.domain.ports import Context, Opener, OpenForTenant
from whatsapp_service.domain.usecases.abandon import abandon
from whatsapp_service.domain.usecases.connect import Connector
from whatsapp_service.domain.usecases.send import Sender
from whatsapp_service.jobs import sending
from whatsapp_service.providers.agents import AgentService
from whatsapp_service.providers.evolution import Evolution, WebhookAddress, raise_for, translate
from whatsapp_service.repository import (
    SENDS,
    PostgresChats,
    PostgresIntegrations,
    PostgresMessages,
    PostgresOutbound,
    PostgresReads,
)
from whatsapp_service.settings import Settings

NAME = "whatsapp"
VERSION = "0.1.0"
SOURCE = "parley/whatsapp"
_MAY_CALL = {"gateway": frozenset({"channels:read", "channels:write", "conversations:read"})}
"""Whose internal tokens we believe, and for what at most."""


class _Inside(NamedTuple):
    """What all parts of a process share."""

    database: Database
    relay: Relay
    keyring: Keyring


class _Outside(NamedTuple):
    """The providers of a process."""

    evolution: Evolution
    agents: AgentService


@asynccontextmanager
async def build(settings: Settings, mode: Mode, bus: Bus | None = None) -> AsyncGenerator[Parts]:
    """Build everything one process runs."""
    async with AsyncExitStack() as stack:
        database = Database(
            settings.sqlalchemy_url, pool_size=settings.pool_size, application=f"{NAME}-{mode}"
        )
        stack.push_async_callback(database.close)
        metrics.watch_pool(NAME, lambda: database.in_use)
        bus = bus or KafkaBus(
            settings.kafka_bootstrap_servers,
            client_id=NAME,
            session_seconds=settings.kafka_session_seconds,
        )
        producer = await stack.enter_async_context(bus.producer())
        relay = Relay(settings.sqlalchemy_url, producer, lead=mode != "api")
        inside = _Inside(database, relay, Keyring.parse(settings.keyring))
        outside = await _outside(settings, stack)
        components: list[Component] = [relay]
        if mode != "api":
            components += _worker(settings, inside, bus, outside)
        app = _api(settings, inside, outside) if mode != "worker" else None
        yield Parts(app, components)


def _worker(settings: Settings, inside: _Inside, bus: Bus, outside: _Outside) -> list[Component]:
    database, relay, keyring = inside
    wake = Wake(relay.nudge)
    open_context = context_opener(database, keyring, wake)
    sender = Sender(open_context, outside.evolution, utc_now, settings.settle_after)
    sends = sending(
        database,
        replace(SENDS, lease=settings.send_lease),
        sender,
        when_parked,
        concurrency=settings.send_concurrency,
    )
    wake.sender = sends.nudge
    router = routes(translate)
    consumer = Consumer(bus.source(NAME, router.topics), Dispatcher(NAME, router, open_context))
    return [consumer, sends]


def _api(settings: Settings, inside: _Inside, outside: _Outside) -> FastAPI:
    database, relay, keyring = inside
    tokens = _tokens(settings)
    app = create_app(NAME, VERSION, [api.router], authenticate=tokens.verify)
    app.state.reads = PostgresReads(database)
    app.state.connector = Connector(
        open_for=tenant_opener(database, keyring, relay.nudge),
        agents=outside.agents,
        provider=outside.evolution,
        now=utc_now,
        new_id=lambda: IntegrationId(new_id("int")),
    )
    return app


def _tokens(settings: Settings) -> InternalTokens:
    trusted = trusted_callers(settings.internal_trusted_keys, _MAY_CALL)
    return InternalTokens(NAME, settings.internal_key, trusted)


async def _outside(settings: Settings, stack: AsyncExitStack) -> _Outside:
    wire = await stack.enter_async_context(
        open_wire(traceparent=current_traceparent.get, observer=HttpMetrics())
    )
    evolution = ApiProfile(
        provider="evolution",
        base_url=str(settings.evolution_url).rstrip("/"),
        headers={"apikey": settings.evolution_api_key.get_secret_value()},
        raise_for=raise_for,
    )
    agents = ApiProfile(provider="agent", base_url=str(settings.agent_url).rstrip("/"))
    return _Outside(
        Evolution(ApiClient(wire, evolution), webhook_of=webhook_address(settings)),
        AgentService(ApiClient(wire, agents), _tokens(settings)),
    )


def webhook_address(settings: Settings) -> Callable[[Integration], WebhookAddress]:
    """Say where Evolution shall call for a number, and with which secret."""
    capabilities = Capabilities.parse(settings.capability_keyring)
    base = str(settings.gateway_public_url).rstrip("/")

    def address(integration: Integration) -> WebhookAddress:
        public_id = capabilities.mint(
            tenant_id=integration.tenant,
            integration_id=integration.id,
            provider="evolution",
            generation=integration.generation,
        )
        return WebhookAddress(
            f"{base}/api/webhooks/inbound/{public_id}",
            {"X-Webhook-Secret": capabilities.secret(public_id)},
        )

    return address


@dataclass(slots=True)
class Wake:
    """Who is told when a transaction has left something for them."""

    relay: Callable[[], None]
    sender: Callable[[], None] = lambda: None


def context_opener(database: Database, keyring: Keyring, wake: Wake) -> Opener:
    """Open what one batch or one job may touch; commit on success only, then wake who waits."""

    @asynccontextmanager
    async def open_context() -> AsyncGenerator[Context]:
        async with database.transaction() as connection:
            outbox = Outbox(connection, source=SOURCE, on_commit=wake.relay)
            outbound = PostgresOutbound(connection)
            yield _context(connection, outbox, outbound, keyring)
            await outbox.flush()
        outbox.committed()
        if outbound.queued:
            wake.sender()

    return open_context


async def when_parked(connection: Connection, job: ParkedJob) -> None:
    """Say what became of a message whose sending was given up, by the worker or by hand."""
    outbox = Outbox(connection, source=SOURCE)
    await abandon(PostgresOutbound(connection), outbox, CommandId(job.command_id), job.reason)
    await outbox.flush()


def tenant_opener(database: Database, keyring: Keyring, nudge: Callable[[], None]) -> OpenForTenant:
    """Open what one request may touch: the rows of its tenant."""

    @asynccontextmanager
    async def open_for(tenant: TenantId) -> AsyncGenerator[Context]:
        async with database.tenant_transaction(role=api_role(NAME), tenant=tenant) as connection:
            outbox = Outbox(connection, source=SOURCE, on_commit=nudge)
            yield _context(connection, outbox, PostgresOutbound(connection), keyring)
            await outbox.flush()
        outbox.committed()

    return open_for


def _context(
    connection: Connection, outbox: Outbox, outbound: PostgresOutbound, keyring: Keyring
) -> Context:
    def seal(token: str, integration: Integration) -> str:
        return keyring.seal(token, context=("integration.token", integration.tenant))

    return Context(
        inbox=Inbox(connection),
        outbox=outbox,
        integrations=PostgresIntegrations(connection, seal=seal),
        chats=PostgresChats(connection),
        messages=PostgresMessages(connection),
        outbound=outbound,
        now=utc_now,
        connection=connection,
    )
