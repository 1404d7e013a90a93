"""The thin layer between ASGI and the stand-ins: one request in, one answer out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl

import httpx2
import orjson

Json = dict[str, Any]
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

JSON_TYPE = b"application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request, read to its end."""

    method: str
    path: str
    query_string: bytes
    headers: dict[bytes, bytes]
    body: bytes

    def header(self, name: bytes) -> str:
        """Return a header by its lower-case name, or an empty string."""
        return self.headers.get(name, b"").decode("latin-1")

    def query(self) -> dict[str, str]:
        """Return the query string; of a repeated name the last value wins."""
        return dict(parse_qsl(self.query_string.decode("latin-1"), keep_blank_values=True))


class Outcome(Protocol):
    """What a stand-in does with a request: it answers, or it behaves badly."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Finish the exchange."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: bytes = JSON_TYPE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the protocol's shape
        """Send status, headers and body."""
        length = str(len(self.body)).encode()
        headers = [
            (b"content-type", self.content_type),
            (b"content-length", length),
            *self.headers,
        ]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


@dataclass(frozen=True, slots=True)
class StreamReply:
    """An answer in pieces, for server-sent events."""

    chunks: Iterable[bytes]
    headers: tuple[tuple[bytes, bytes], ...] = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the protocol's shape
        """Send every chunk as one body message."""
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), *self.headers]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for chunk in self.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


@dataclass(frozen=True, slots=True)
class HangUp:
    """Close the connection without an answer.

    Under uvicorn ``send`` is a method of the protocol object that owns the socket, so its
    transport can be aborted. In process there is no socket: the error that a client would
    see is raised instead, and ``httpx2.ASGITransport`` hands it to the caller.
    """

    refused: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the protocol's shape
        """Abort the socket and wait until the server has noticed.

        Raises:
            httpx2.ConnectError: in process, when the connection is refused.
            httpx2.RemoteProtocolError: in process, when the answer is dropped.
        """
        transport = _transport_of(send)
        if transport is None:
            if self.refused:
                raise httpx2.ConnectError("All connection attempts failed")
            raise httpx2.RemoteProtocolError("Server disconnected without sending a response.")
        transport.abort()
        # Only after the server saw the disconnect may we return without an answer: before, it
        # would try to write its own 500 into the closed socket.
        await receive()


@dataclass(frozen=True, slots=True)
class Hang:
    """Never answer: wait until the client gives up, or for `seconds`, then hang up."""

    seconds: float | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait, then close.

        Raises:
            httpx2.ReadTimeout: in process, where no client timeout would ever fire.
        """
        if _transport_of(send) is None:
            await asyncio.sleep(self.seconds or 0)
            raise httpx2.ReadTimeout("The server did not answer in time.")
        try:
            async with asyncio.timeout(self.seconds):
                await receive()
        except TimeoutError:
            await HangUp()(scope, receive, send)


def json_reply(
    status: int, payload: object, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> Reply:
    """Build a JSON answer."""
    return Reply(status, orjson.dumps(payload), headers)


async def read_call(scope: Scope, receive: Receive, path: str) -> Call:
    """Read a request to its end; `path` is the part below the provider's mount point."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        parts = [body]
        while message.get("more_body"):
            message = await receive()
            parts.append(message.get("body", b""))
        body = b"".join(parts)
    return Call(scope["method"], path, scope["query_string"], dict(scope["headers"]), body)


def _transport_of(send: Send) -> Any:
    return getattr(getattr(send, "__self__", None), "transport", None)
