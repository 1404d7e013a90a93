"""Builds everything one process runs; the only module that knows all others."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

from fastapi import FastAPI

from agent_service import api
from agent_service.app.contexts import NAME, SOURCE, Wake, context_opener, tenant_opener
from agent_service.app.outside import (
    API_KEY,
    TOOL_SECRET,
    address_checker,
    internal_tokens,
    open_outside,
    stored_files,
)
from agent_service.consumers import router
from agent_service.domain.ports import Outside
from agent_service.domain.usecases.answer import Answering
from agent_service.domain.usecases.hearing import Hearing
from agent_service.domain.usecases.summarise import Summarising
from agent_service.jobs import ChoreHands, answering, chores
from agent_service.providers.tools import BUILT_IN
from agent_service.repository import CHORES, TURNS, PostgresPrices, PostgresTurns
from agent_service.settings import Settings
from common.auth import Keyring
from common.bus import Bus, Consumer, Dispatcher, KafkaBus, Relay
from common.contracts import utc_now
from common.db import Database
from common.service import Component, Mode, Parts, create_app, inbox_tidying
from common.telemetry import metrics

VERSION = "0.1.0"
_SLACK = 4096


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
            settings.sqlalchemy_url,
            pool_size=settings.pool_size,
            application=f"{NAME}-{mode}",
            statement_seconds=settings.statement_seconds,
        )
        stack.push_async_callback(database.close)
        metrics.watch_pool(NAME, lambda: database.in_use)
        bus = bus or KafkaBus.of(settings, NAME)
        producer = await stack.enter_async_context(bus.producer())
        relay = Relay.of(settings, producer, lead=mode != "api")
        inside = _Inside(database, relay, Keyring.parse(settings.keyring))
        components: list[Component] = [relay]
        if mode != "api":
            outside = await open_outside(settings, database, inside.keyring, stack)
            components += _worker(settings, inside, bus, outside)
        app = _api(settings, inside) if mode != "worker" else None
        yield Parts(app, components)


def _worker(settings: Settings, inside: _Inside, bus: Bus, outside: Outside) -> list[Component]:
    wake = Wake(inside.relay.nudge)
    open_context = context_opener(inside.database, wake)
    short_way = PostgresTurns(inside.database, source=SOURCE, on_end=inside.relay.nudge)
    turns = answering(
        inside.database,
        TURNS,
        Answering(open_context, short_way, outside, utc_now),
        lease=settings.turn_lease,
        concurrency=settings.turn_concurrency,
    )
    hands = ChoreHands(
        open_context,
        Hearing(open_context, outside, utc_now),
        Summarising(open_context, outside, utc_now),
    )
    later = chores(inside.database, CHORES, hands, concurrency=settings.chore_concurrency)
    wake.turns, wake.chores = turns.nudge, later.nudge
    consumer = Consumer(bus.source(NAME, router.topics), Dispatcher(NAME, router, open_context))
    return [consumer, inbox_tidying(inside.database), turns, later]


def _api(settings: Settings, inside: _Inside) -> FastAPI:
    app = create_app(
        NAME,
        VERSION,
        [api.router],
        authenticate=internal_tokens(settings).verify,
        max_body_size=settings.media_max_bytes + _SLACK,
    )
    keyring = inside.keyring
    app.state.open_for = tenant_opener(inside.database, inside.relay.nudge)
    app.state.seal = lambda key, tenant: keyring.seal(key, context=(API_KEY, tenant))
    app.state.seal_tool_secret = lambda key, tenant: keyring.seal(
        key, context=(TOOL_SECRET, tenant)
    )
    app.state.check_model_address = address_checker(settings.model_hosts)
    app.state.check_tool_address = address_checker(settings.tool_hosts)
    app.state.built_in_tools = frozenset(tool.spec.name for tool in BUILT_IN)
    app.state.files = stored_files(settings)
    app.state.media_max_bytes = settings.media_max_bytes
    app.state.prices = PostgresPrices(inside.database)
    return app
