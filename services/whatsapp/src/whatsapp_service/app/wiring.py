"""Builds everything one process runs; the only module that knows all others."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import NamedTuple

from fastapi import FastAPI

from common.auth import Keyring
from common.bus import Bus, Consumer, Dispatcher, KafkaBus, Relay
from common.contracts import IntegrationId, new_id, utc_now
from common.db import Database
from common.service import Component, Mode, Parts, create_app
from common.telemetry import metrics
from whatsapp_service import api
from whatsapp_service.app.contexts import NAME, Wake, context_opener, tenant_opener, when_parked
from whatsapp_service.app.outside import Outside, internal_tokens, open_outside
from whatsapp_service.consumers import routes
from whatsapp_service.domain.usecases.connect import Connector
from whatsapp_service.domain.usecases.send import Sender
from whatsapp_service.jobs import sending
from whatsapp_service.providers.evolution import translate
from whatsapp_service.repository import SENDS, PostgresReads
from whatsapp_service.settings import Settings

VERSION = "0.1.0"


class _Inside(NamedTuple):
    """What all parts of a process share."""

    database: Database
    relay: Relay
    keyring: Keyring


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
        outside = await open_outside(settings, stack)
        components: list[Component] = [relay]
        if mode != "api":
            components += _worker(settings, inside, bus, outside)
        app = _api(settings, inside, outside) if mode != "worker" else None
        yield Parts(app, components)


def _worker(settings: Settings, inside: _Inside, bus: Bus, outside: Outside) -> list[Component]:
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


def _api(settings: Settings, inside: _Inside, outside: Outside) -> FastAPI:
    database, relay, keyring = inside
    tokens = internal_tokens(settings)
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
