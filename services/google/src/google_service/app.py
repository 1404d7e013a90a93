"""The front hall: builds everything, and is the only module that knows all others."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from common.auth import InternalTokens, trusted_callers
from common.bus import Bus, KafkaBus, Relay
from common.service import Mode, Parts, create_app
from google_service.settings import Settings

NAME = "google"
VERSION = "0.1.0"
_MAY_CALL = {"gateway": frozenset[str]()}
"""Whose internal tokens we believe, and for what at most: no route asks for any yet."""


@asynccontextmanager
async def build(settings: Settings, mode: Mode, bus: Bus | None = None) -> AsyncGenerator[Parts]:
    """Build everything one process runs."""
    async with AsyncExitStack() as stack:
        bus = bus or KafkaBus.of(settings, NAME)
        producer = await stack.enter_async_context(bus.producer())
        relay = Relay.of(settings, producer, lead=mode != "api")
        trusted = trusted_callers(settings.internal_trusted_keys, _MAY_CALL)
        tokens = InternalTokens(NAME, settings.internal_key, trusted)
        app = create_app(NAME, VERSION, [], authenticate=tokens.verify)
        yield Parts(app if mode != "worker" else None, [relay])
