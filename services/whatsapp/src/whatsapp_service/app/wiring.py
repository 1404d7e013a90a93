"""Builds everything one process runs; the only module that knows all others."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import NamedTuple

from fastapi import FastAPI

from common.auth import Keyring
from common.bus import Bus, Consumer, KafkaBus, Relay
from common.contracts import IntegrationId, new_id, utc_now
from common.db import Database
from common.service import Clock, Component, Mode, Parts, create_app, inbox_tidying
from common.storage import ObjectStore
from common.telemetry import metrics
from whatsapp_service import api
from whatsapp_service.app.caring import Rounds, keeping_files, running_errands
from whatsapp_service.app.changes import NumberChanges
from whatsapp_service.app.contexts import NAME, Wake, context_opener, tenant_opener, when_parked
from whatsapp_service.app.ignored import CountingIgnored
from whatsapp_service.app.lanes import TenantLanes
from whatsapp_service.app.links import FileLinks
from whatsapp_service.app.outside import Outside, internal_tokens, open_outside
from whatsapp_service.app.parked import ParkedDispatcher
from whatsapp_service.app.sending import SendingGround, sending_parts
from whatsapp_service.consumers import routes
from whatsapp_service.domain.model import KnownWords, Patience
from whatsapp_service.domain.model.media import FileRules
from whatsapp_service.domain.ports import Opener
from whatsapp_service.domain.usecases.connect import Connector
from whatsapp_service.domain.usecases.errands import Errands
from whatsapp_service.domain.usecases.media import FileKeeper
from whatsapp_service.domain.usecases.operate import Operator
from whatsapp_service.domain.usecases.pacing import SendingDesk
from whatsapp_service.domain.usecases.repair import Repair
from whatsapp_service.domain.usecases.retention import FileRetention, UnreadRetention
from whatsapp_service.domain.usecases.watch import Rhythm, Watch
from whatsapp_service.providers.evolution import translate, without_files
from whatsapp_service.repository import PostgresReads
from whatsapp_service.settings import Settings

VERSION = "0.1.0"
_TIDY_SECONDS = 600.0


class _Inside(NamedTuple):
    """What all parts of a process share."""

    database: Database
    relay: Relay
    keyring: Keyring
    store: ObjectStore


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
        store = ObjectStore(settings.object_store_url)
        inside = _Inside(database, relay, Keyring.parse(settings.keyring), store)
        outside = await open_outside(settings, stack)
        components: list[Component] = [relay]
        if mode != "api":
            components += _worker(settings, inside, bus, outside)
            components += _care(settings, inside, outside)
        if mode == "worker":
            yield Parts(None, components)
            return
        changes = NumberChanges(settings.sqlalchemy_url)
        app = _api(settings, inside, outside)
        app.state.changes = changes
        yield Parts(app, [*components, changes])


def _worker(settings: Settings, inside: _Inside, bus: Bus, outside: Outside) -> list[Component]:
    database, relay, keyring, store = inside
    wake = Wake(relay.nudge)
    open_context = context_opener(database, keyring, wake)
    words = KnownWords()
    ground = SendingGround(database, open_context, outside.messenger, store)
    senders = sending_parts(settings, ground, wake, words)
    router = routes(CountingIgnored(translate), words)
    dispatcher = ParkedDispatcher(NAME, router, open_context, store, without_files)
    consumer = Consumer(bus.source(NAME, router.topics), dispatcher)
    return [consumer, inbox_tidying(database), *senders]


def _care(settings: Settings, inside: _Inside, outside: Outside) -> list[Component]:
    """What looks after numbers: checks, errands, comparisons, files."""
    database, relay, keyring, store = inside
    open_context = context_opener(database, keyring, Wake(relay.nudge))
    rhythm = Rhythm(
        check=timedelta(seconds=settings.check_seconds),
        sweep=timedelta(seconds=settings.sweep_seconds),
        silence=timedelta(seconds=settings.silence_seconds),
    )
    patience = Patience(connecting=timedelta(seconds=settings.connecting_seconds))
    repair = Repair(open_context, outside.archive, translate, utc_now, lambda: new_id("swp"))
    keeper = FileKeeper(open_context, outside.archive, store, file_rules(settings), utc_now)
    return [
        *_tidying(settings, open_context, store),
        Rounds(Watch(open_context, outside.numbers, utc_now, rhythm, patience)),
        running_errands(
            database, Errands(open_context, outside.numbers, utc_now), repair, concurrency=8
        ),
        keeping_files(database, keeper, when_parked, concurrency=settings.media_concurrency),
    ]


def _tidying(settings: Settings, open_context: Opener, store: ObjectStore) -> list[Component]:
    """What forgets."""
    chores = {}
    if settings.media_days:
        files = FileRetention(open_context, store, utc_now, settings.media_days)
        chores["files"] = files.expire
    if settings.unread_days:
        chores["unread"] = UnreadRetention(open_context, utc_now, settings.unread_days).expire
    return [Clock(name, chore, every=_TIDY_SECONDS) for name, chore in chores.items()]


def file_rules(settings: Settings) -> FileRules:
    """Say which files are kept."""
    return FileRules(settings.media_max_bytes, settings.media_types)


def _api(settings: Settings, inside: _Inside, outside: Outside) -> FastAPI:
    database, relay, keyring, store = inside
    tokens = internal_tokens(settings)
    app = create_app(NAME, VERSION, [api.router], authenticate=tokens.verify)
    open_for = tenant_opener(database, keyring, relay.nudge)
    app.state.reads = PostgresReads(database)
    app.state.connector = Connector(
        open_for=open_for,
        agents=outside.agents,
        provider=outside.numbers,
        now=utc_now,
        new_id=lambda: IntegrationId(new_id("int")),
    )
    app.state.sending = SendingDesk(open_for)
    app.state.operator = Operator(open_for, outside.numbers)
    app.state.grace = timedelta(seconds=settings.rotation_grace_seconds)
    app.state.lanes = TenantLanes(database)
    app.state.links = FileLinks(
        open_for, store, keyring, utc_now, timedelta(seconds=settings.media_link_seconds)
    )
    return app
