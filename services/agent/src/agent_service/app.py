"""The front hall: builds everything, and is the only module that knows all others."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from fastapi import FastAPI

from agent_service import api
from agent_service.consumers import router
from agent_service.domain.model import Agent
from agent_service.domain.ports import Context, Model, Opener, OpenForTenant
from agent_service.domain.usecases.answer import Answering
from agent_service.jobs import answering
from agent_service.repository import (
    TURNS,
    PostgresAgents,
    PostgresConversations,
    PostgresLimits,
)
from agent_service.settings import Settings
from common.auth import InternalTokens, Keyring, trusted_callers
from common.bus import Bus, Consumer, Dispatcher, KafkaBus, Relay
from common.contracts import TenantId, utc_now
from common.db import Connection, Database, Inbox, Outbox, api_role
from common.http import SsrfGuard, open_wire
from common.service import Component, Mode, Parts, create_app
from common.telemetry import HttpMetrics, metrics

if TYPE_CHECKING:
    from openai import AsyncOpenAI

NAME = "agent"
VERSION = "0.1.0"
SOURCE = "parley/agent"
_KEY = "agent.api_key"
_MAY_CALL = {
    "gateway": frozenset(
        {"agents:read", "agents:write", "conversations:read", "conversations:write"}
    ),
    "whatsapp": frozenset({"agents:read"}),
}
"""Whose internal tokens we believe, and for what at most."""


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
        components: list[Component] = [relay]
        if mode != "api":
            model = await _model(settings, inside.keyring, stack)
            components += _worker(settings, inside, bus, model)
        app = _api(settings, inside) if mode != "worker" else None
        yield Parts(app, components)


def _worker(settings: Settings, inside: _Inside, bus: Bus, model: Model) -> list[Component]:
    wake = Wake(inside.relay.nudge)
    open_context = context_opener(inside.database, wake)
    turns = answering(
        inside.database,
        TURNS,
        Answering(open_context, model, utc_now),
        lease=settings.turn_lease,
        concurrency=settings.turn_concurrency,
    )
    wake.turns = turns.nudge
    consumer = Consumer(bus.source(NAME, router.topics), Dispatcher(NAME, router, open_context))
    return [consumer, turns]


def _api(settings: Settings, inside: _Inside) -> FastAPI:
    trusted = trusted_callers(settings.internal_trusted_keys, _MAY_CALL)
    tokens = InternalTokens(NAME, settings.internal_key, trusted)
    app = create_app(NAME, VERSION, [api.router], authenticate=tokens.verify)
    app.state.open_for = tenant_opener(inside.database, inside.relay.nudge)
    app.state.seal = lambda key, tenant: inside.keyring.seal(key, context=(_KEY, tenant))
    app.state.check_model_address = address_checker(settings)
    return app


def address_checker(settings: Settings) -> Callable[[str | None], None]:
    """Refuse model servers on our own network, unless the operator allowed them."""
    guard = SsrfGuard(allow=settings.model_hosts)

    def check(url: str | None) -> None:
        if url is not None:
            guard.check_url(url)

    return check


async def _model(settings: Settings, keyring: Keyring, stack: AsyncExitStack) -> Model:
    """Make the model adapter: the operator's server is trusted, a tenant's is guarded."""
    # The SDK alone costs a quarter of a process's memory: only who answers turns pays for it.
    from openai import AsyncOpenAI  # noqa: PLC0415 - see above

    from agent_service.providers.openai_model import OpenAIModel  # noqa: PLC0415 - see above

    ours = await stack.enter_async_context(open_wire(observer=HttpMetrics()))
    theirs = await stack.enter_async_context(
        open_wire(observer=HttpMetrics(), guard=SsrfGuard(allow=settings.model_hosts))
    )
    base = AsyncOpenAI(
        base_url=str(settings.openai_base_url),
        api_key=settings.openai_api_key.get_secret_value(),
        max_retries=0,
        timeout=settings.model_timeout_seconds,
        http_client=ours.http,
    )

    @lru_cache(maxsize=1000)
    def client_of(base_url: str | None, sealed_key: str | None, tenant: str) -> "AsyncOpenAI":
        client = base
        if base_url is not None:
            # The operator's key never goes to a server that a tenant chose.
            client = client.with_options(base_url=base_url, http_client=theirs.http, api_key="none")
        if sealed_key is not None:
            key = keyring.open(sealed_key, context=(_KEY, tenant))
            client = client.with_options(api_key=key)
        return client

    def client_for(agent: Agent) -> "AsyncOpenAI":
        return client_of(agent.settings.base_url, agent.sealed_api_key, agent.tenant)

    return OpenAIModel(client_for, default_model=settings.openai_model)


@dataclass(slots=True)
class Wake:
    """Who is told when a transaction has left something for them."""

    relay: Callable[[], None]
    turns: Callable[[], None] = lambda: None


def context_opener(database: Database, wake: Wake) -> Opener:
    """Open what one batch or one job may touch; commit on success only, then wake who waits."""

    @asynccontextmanager
    async def open_context() -> AsyncGenerator[Context]:
        async with database.transaction() as connection:
            outbox = Outbox(connection, source=SOURCE, on_commit=wake.relay)
            conversations = PostgresConversations(connection)
            yield _context(connection, outbox, conversations)
            await outbox.flush()
        outbox.committed()
        if conversations.queued:
            wake.turns()

    return open_context


def tenant_opener(database: Database, nudge: Callable[[], None]) -> OpenForTenant:
    """Open what one request may touch: the rows of its tenant."""

    @asynccontextmanager
    async def open_for(tenant: TenantId) -> AsyncGenerator[Context]:
        async with database.tenant_transaction(role=api_role(NAME), tenant=tenant) as connection:
            outbox = Outbox(connection, source=SOURCE, on_commit=nudge)
            yield _context(connection, outbox, PostgresConversations(connection))
            await outbox.flush()
        outbox.committed()

    return open_for


def _context(
    connection: Connection, outbox: Outbox, conversations: PostgresConversations
) -> Context:
    return Context(
        inbox=Inbox(connection),
        outbox=outbox,
        agents=PostgresAgents(connection),
        conversations=conversations,
        limits=PostgresLimits(connection),
        now=utc_now,
        connection=connection,
    )
