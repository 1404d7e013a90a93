"""The sandbox as one ASGI application: Evolution, OpenAI and the control door."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx2
from fastapi import FastAPI

from sandbox.control import evolution, general, journals, openai
from sandbox.evolution.server import EvolutionServer
from sandbox.openai.server import OpenAIServer
from sandbox.settings import Settings
from sandbox.wire import Receive, Scope, Send
from sandbox.world import World

Provider = Callable[[Scope, Receive, Send, str], Awaitable[None]]
EVOLUTION_PREFIX = "/evolution"
OPENAI_PREFIX = "/openai/v1"


class Sandbox(FastAPI):
    """The application; `world` is its whole state.

    Provider calls bypass FastAPI: they are dispatched by prefix before any middleware, which
    keeps a send well under a millisecond. The control door is ordinary FastAPI.
    """

    def __init__(self, world: World) -> None:
        super().__init__(title="Parley sandbox", lifespan=_lifespan)
        self.world = world
        self._providers: tuple[tuple[str, Provider], ...] = (
            (EVOLUTION_PREFIX, EvolutionServer(world.evolution)),
            (OPENAI_PREFIX, OpenAIServer(world.openai)),
        )
        self.state.world = world
        for part in (general, evolution, journals, openai):
            self.include_router(part.door)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            path: str = scope["path"]
            for prefix, provider in self._providers:
                if path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in {"", "/"}:
                    await provider(scope, receive, send, path[len(prefix) :])
                    return
        await super().__call__(scope, receive, send)


def create_app(
    settings: Settings | None = None,
    *,
    webhook_transport: httpx2.AsyncBaseTransport | None = None,
) -> Sandbox:
    """Build a sandbox with a world of its own.

    Args:
        settings: how it behaves; defaults need no configuration.
        webhook_transport: carries the webhooks instead of the network, for example
            ``httpx2.ASGITransport(app=gateway)`` in a test without sockets. Whoever runs the
            application without a server awaits ``app.world.aclose()`` at the end.
    """
    return Sandbox(World(settings, webhook_transport))


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncGenerator[None]:
    yield
    await app.state.world.aclose()
