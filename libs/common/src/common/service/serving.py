"""Serving what was built: an HTTP port and components, together, until told to stop."""

import asyncio
import socket
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from common.errors import InvalidInput
from common.service.component import Component, Parts
from common.service.health import Health, Probes
from common.telemetry import bind, get_logger, sample_loop_lag

DRAIN_SECONDS = 25.0
"""How long components may finish what is in hand; under Kubernetes' 60 s with room to spare."""
_LAST_REQUESTS_SECONDS = 5
_IDLE_SECONDS = 75  # over the 60 s of common load balancers, so that they close first

log = get_logger()


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the HTTP port is; port 0 takes a free one."""

    host: str
    port: int


class ComponentDied(RuntimeError):
    """A part of the process ended before it was told to, or did not end when it was."""


async def serve(
    parts: Parts, listen: Listen, stop: asyncio.Event, *, drain_seconds: float = DRAIN_SECONDS
) -> None:
    """Serve until `stop` is set, then drain: not ready, components finish, the port closes.

    Raises:
        InvalidInput: when the port cannot be had.
        ComponentDied: when a component or the HTTP server ended too soon.
    """
    app, health = _application(parts)
    health.add(parts.components)
    listening = _listen(listen)
    server = _server(app, lifespan=parts.api is not None)
    drain = asyncio.Event()
    died: list[str] = []
    async with asyncio.TaskGroup() as group:
        lag = group.create_task(sample_loop_lag(drain))
        web = group.create_task(_watch_server(server, listening, died, stop))
        running = [group.create_task(_watch(part, drain, died, stop)) for part in parts.components]
        await stop.wait()
        health.draining = True
        drain.set()
        died += await _drain(running, parts.components, drain_seconds)
        server.should_exit = True
        await asyncio.wait({lag, web})
    if died:
        raise ComponentDied(", ".join(died))
    log.info("service.stopped")


def _application(parts: Parts) -> tuple[ASGIApp, Health]:
    """The application with its probes: `create_app` has them already, others get them here."""
    own = getattr(getattr(parts.api, "state", None), "health", None)
    if parts.health is None and isinstance(own, Health) and parts.api is not None:
        return parts.api, own
    health = parts.health or Health()
    return Probes(parts.api, health), health


async def _watch(
    part: Component, drain: asyncio.Event, died: list[str], stop: asyncio.Event
) -> None:
    """Run a component; if it ends early, everything else is drained and the process fails."""
    bind(component=part.name)
    try:
        await part.run(drain)
    except Exception:  # any way to die is a death, and the log gets the whole of it
        log.exception("component.died", component=part.name)
        died.append(part.name)
    else:
        if drain.is_set():
            return
        log.error("component.died", component=part.name, reason="it returned before it was told to")
        died.append(part.name)
    stop.set()


async def _watch_server(
    server: uvicorn.Server, listening: socket.socket, died: list[str], stop: asyncio.Event
) -> None:
    try:
        # uvicorn leaves by SystemExit when the application's lifespan fails to start.
        with suppress(SystemExit):
            await server.serve(sockets=[listening])
    except Exception:  # as for any component
        log.exception("component.died", component="http")
    finally:
        listening.close()
    if not server.should_exit or not server.started:
        log.error("component.died", component="http", reason="the application did not start")
        died.append("http")
    stop.set()


async def _drain(
    running: Sequence[asyncio.Task[None]], parts: Sequence[Component], seconds: float
) -> list[str]:
    """Wait for every component; cancel and name those that take too long."""
    if not running:
        return []
    _, late = await asyncio.wait(running, timeout=seconds)
    names = [part.name for task, part in zip(running, parts, strict=True) if task in late]
    for name in names:
        log.error("component.not_drained", component=name, seconds=seconds)
    for task in late:
        task.cancel()
    return names


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, which are the process's, and saying when it is up."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            address = sockets[0].getsockname()
            log.info("service.started", host=address[0], port=address[1])

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def _server(app: ASGIApp, *, lifespan: bool) -> uvicorn.Server:
    return _Server(
        uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="auto" if lifespan else "off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=_LAST_REQUESTS_SECONDS,
        )
    )


def _listen(listen: Listen) -> socket.socket:
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    # Only of a socket that says TCP does asyncio send small answers at once (TCP_NODELAY).
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((listen.host, listen.port))
    except OSError as failure:
        listening.close()
        raise InvalidInput(
            f"Port {listen.port} on {listen.host} cannot be had: {failure.strerror}.",
            hint="Stop what is using it, or set another port.",
        ) from None
    listening.setblocking(False)
    return listening
