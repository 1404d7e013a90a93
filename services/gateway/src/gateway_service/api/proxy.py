"""The public API of the services: proven here, answered there, streamed both ways."""

from collections.abc import AsyncIterator, Iterable

from fastapi import FastAPI
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from common.auth import Principal
from common.contracts.trace import HEADER, current_traceparent
from common.errors import NotFound, TooLarge
from common.service.problems import REQUEST_ID
from gateway_service.api.callers import Doorkeeper
from gateway_service.domain.model.forwards import Forward
from gateway_service.domain.ports import Call, Upstreams

_NOT_PASSED_ON = frozenset(
    {
        # RFC 9110 §7.6.1: of this connection only.
        *(b"connection", b"keep-alive", b"proxy-authorization", b"proxy-connection", b"te"),
        *(b"trailer", b"transfer-encoding", b"upgrade", b"expect", b"host"),
        # Ours to say, and nobody else's.
        *(b"authorization", b"x-api-key", b"x-webhook-secret", b"cookie"),
        *(b"x-request-id", b"traceparent", b"tracestate", b"baggage"),
        *(b"forwarded", b"x-real-ip"),
    }
)
_NEVER_BEGINS = (b"x-parley-", b"x-internal-", b"x-tenant", b"x-forwarded-", b"ce-", b"ce_")
_AMBIGUOUS = (b"%2f", b"%5c", b"\\", b"%00")


class ForwardDoor:
    """One entry of the table, as a route."""

    def __init__(
        self, forward: Forward, doorkeeper: Doorkeeper, upstreams: Upstreams, *, max_bytes: int
    ) -> None:
        self._forward = forward
        self._doorkeeper = doorkeeper
        self._upstreams = upstreams
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        method: str = scope["method"]
        principal = None
        if not self._forward.lets_anybody(method):
            principal = await self._doorkeeper.admit(scope, self._forward.scope_for(method))
        with self._doorkeeper.under_way(principal):
            await self._pass_on(principal, scope, receive, send)

    async def _pass_on(
        self, principal: Principal | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        call = Call(
            service=self._forward.service,
            principal=principal,
            method=scope["method"],
            target=_target(scope),
            headers=[*_passed_on(scope["headers"]), *_our_headers(scope)],
            body=self._body(scope, receive),
        )
        async with self._upstreams.send(call) as answer:
            response = StreamingResponse(answer.chunks, status_code=answer.status)
            response.raw_headers = list(answer.headers)
            await response(scope, receive, send)

    def _body(self, scope: Scope, receive: Receive) -> AsyncIterator[bytes] | None:
        given = dict(scope["headers"])
        length = given.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._max_bytes:
            raise self._too_large()
        if b"transfer-encoding" not in given and length == b"0":
            return None
        return self._stream(receive)

    async def _stream(self, receive: Receive) -> AsyncIterator[bytes]:
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self._max_bytes:
                raise self._too_large()
            if chunk:
                yield chunk
            more = message.get("more_body", False)

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The body is over the limit of {self._max_bytes} bytes.")


def add_forwards(
    app: FastAPI,
    forwards: Iterable[Forward],
    doorkeeper: Doorkeeper,
    upstreams: Upstreams,
    *,
    max_bytes: int,
) -> None:
    """Add the table's routes to the application, in its order."""
    for forward in forwards:
        door = ForwardDoor(forward, doorkeeper, upstreams, max_bytes=max_bytes)
        for path in (forward.path, f"{forward.path}/{{rest:path}}"):
            app.router.routes.append(Route(path, door, include_in_schema=False))


def _target(scope: Scope) -> bytes:
    """Give path and query as they came, if the service will read them as we did.

    Raises:
        NotFound: the path could mean another one over there.
    """
    raw: bytes = scope["raw_path"]
    segments = scope["path"].split("/")[1:]
    lowered = raw.lower()
    if any(s in {"", ".", ".."} for s in segments) or any(a in lowered for a in _AMBIGUOUS):
        raise NotFound("There is no such path.")
    query: bytes = scope["query_string"]
    return raw + b"?" + query if query else raw


def _passed_on(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[tuple[bytes, bytes]]:
    headers = list(headers)
    named = {
        part.strip().lower()
        for name, value in headers
        if name == b"connection"
        for part in value.split(b",")
    }
    return (
        (name, value)
        for name, value in headers
        if name not in _NOT_PASSED_ON and name not in named and not name.startswith(_NEVER_BEGINS)
    )


def _our_headers(scope: Scope) -> Iterable[tuple[bytes, bytes]]:
    if request_id := scope.get(REQUEST_ID):
        yield b"x-request-id", request_id.encode()
    if traceparent := current_traceparent.get():
        yield HEADER.encode(), traceparent.encode()
    if all(name != b"accept-encoding" for name, _ in scope["headers"]):
        # The HTTP client would ask for compression in the caller's name.
        yield b"accept-encoding", b"identity"
