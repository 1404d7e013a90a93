"""A number's changes as server-sent events: its state and its QR code, as they become known."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Annotated, Literal, Protocol

import orjson
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from common.contracts import AgentId, ConnectionState, IntegrationId, TenantId
from common.errors import NotFound, Transient
from whatsapp_service.api.connections import QrView
from whatsapp_service.api.views import ConnectionView, Connects, Reader
from whatsapp_service.domain.model import Integration

router = APIRouter()

_HEARTBEAT_SECONDS = 15.0
"""Below the minute after which common proxies take a silent stream for dead."""
_LONGEST_SECONDS = 600.0
"""Then the client comes again, perhaps to another replica, and with a key that still counts."""
_HELLO = b"retry: 3000\n\n"
_STILL_HERE = b": nothing new\n\n"


class Ear(Protocol):
    """One listener's view of one number."""

    closed: bool
    """Whether the process is about to end."""

    async def wait(self, seconds: float) -> bool:
        """Wait for a change; False when there was none for so long."""


class HearsChanges(Protocol):
    """Tells of changes of numbers, whichever process made them."""

    def listen(self, integration_id: IntegrationId) -> AbstractContextManager[Ear]:
        """Hear of one number."""


def _changes(request: Request) -> HearsChanges:
    changes: HearsChanges = request.app.state.changes
    return changes


Changes = Annotated[HearsChanges, Depends(_changes)]
Until = Annotated[Literal["open"] | None, Query(description="end when the number is open")]


@router.get(
    "/agents/{agent_id}/channels/evolution/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def watch_number(
    agent_id: str,
    caller: Reader,
    connector: Connects,
    changes: Changes,
    until: Until = None,
) -> StreamingResponse:
    """Stream `number` events: how it stands and its code, at once and whenever that changes."""
    tenant = TenantId(caller.tenant_id)
    number = await connector.status(tenant, AgentId(agent_id))

    async def read() -> Integration:
        return await connector.status(tenant, number.agent_id)

    return StreamingResponse(
        _stream(read, changes.listen(number.id), ends_on_open=until is not None),
        media_type="text/event-stream",
        # Some proxies hold answers back to compress them, or to have them whole.
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _stream(
    read: Callable[[], Awaitable[Integration]],
    listening: AbstractContextManager[Ear],
    *,
    ends_on_open: bool,
) -> AsyncGenerator[bytes]:
    loop = asyncio.get_running_loop()
    last_call = loop.time() + _LONGEST_SECONDS
    shown = b""
    yield _HELLO
    with listening as ear:
        while not ear.closed and loop.time() < last_call:
            try:
                number = await read()
            except NotFound:
                return
            except Transient:
                # The database is away for a moment; the client need not know.
                yield _STILL_HERE
            else:
                event = _event(number)
                if event != shown:
                    yield event
                    shown = event
                if ends_on_open and number.state is ConnectionState.OPEN:
                    return
            if not await ear.wait(_HEARTBEAT_SECONDS):
                yield _STILL_HERE


def _event(number: Integration) -> bytes:
    view = ConnectionView.of(number).model_dump(mode="json")
    code = QrView.of(number).model_dump(mode="json") if number.qr_image else None
    return b"event: number\ndata: " + orjson.dumps({**view, "qr": code}) + b"\n\n"
