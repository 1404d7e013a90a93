"""What tests need around a sandbox: a receiver of webhooks, a real server, a way to wait."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
import uvicorn

from sandbox.wire import Json, Receive, Reply, Scope, Send, read_call

_POLL_SECONDS = 0.005
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ReceivedWebhook:
    """One webhook call as it arrived."""

    path: str
    headers: dict[str, str]
    body: Json

    @property
    def event(self) -> str:
        """The event's name, dotted."""
        return str(self.body["event"])

    @property
    def data(self) -> Any:
        """The event's data."""
        return self.body["data"]


@dataclass(slots=True)
class WebhookReceiver:
    """An ASGI application that keeps every webhook and answers what it is told to.

    Attributes:
        received: every call, in order of arrival.
        statuses: answers for the next calls; 200 when it is empty.
    """

    received: list[ReceivedWebhook] = field(default_factory=list)
    statuses: deque[int] = field(default_factory=deque)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Keep one webhook."""
        call = await read_call(scope, receive, scope["path"])
        headers = {name.decode(): value.decode() for name, value in call.headers.items()}
        self.received.append(ReceivedWebhook(call.path, headers, orjson.loads(call.body)))
        status = self.statuses.popleft() if self.statuses else 200
        await Reply(status, b"{}")(scope, receive, send)

    def of(self, event: str) -> list[ReceivedWebhook]:
        """Return the webhooks of one event, by its dotted name."""
        return [webhook for webhook in self.received if webhook.event == event]

    def events(self) -> list[str]:
        """Return the names of all events in order of arrival."""
        return [webhook.event for webhook in self.received]


async def eventually(condition: Callable[[], _T], seconds: float = 5) -> _T:
    """Wait until `condition` returns something true, and return that.

    Raises:
        AssertionError: it did not within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {condition}")
        await asyncio.sleep(_POLL_SECONDS)
    return value


@asynccontextmanager
async def serving(app: Any) -> AsyncGenerator[str]:
    """Serve an application on a free port of this machine; yields its base URL."""
    config = uvicorn.Config(app, port=0, log_level="error", access_log=False)
    server = uvicorn.Server(config)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve())
        await eventually(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
