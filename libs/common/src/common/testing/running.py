"""Run a service's parts, or serve an application on a free port, inside a test's event loop."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp

from common.service import Component, Parts


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncGenerator[str]:
    """Serve an application over real HTTP; gives its base address."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="warning", lifespan="on", access_log=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        async with asyncio.timeout(10):
            while not server.started:
                if serving.done():
                    serving.result()
                await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        listening.close()


@asynccontextmanager
async def running(parts: Parts) -> AsyncGenerator[None]:
    """Run the components of a process until the block ends; a death of one ends the block."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for part in parts.components:
            tasks.create_task(_run(part, stop))
        try:
            yield
        finally:
            stop.set()


async def _run(part: Component, stop: asyncio.Event) -> None:
    await part.run(stop)
    if not stop.is_set():
        raise RuntimeError(f"{part.name} ended too soon")
