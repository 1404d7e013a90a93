"""The webhook routes: plain ASGI, and nothing on the way that a provider does not need."""

import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta

from starlette.types import Message, Receive, Scope, Send

from common.errors import ParleyError, Permanent, TooLarge, Transient, UnsupportedMedia
from common.service import problem_response
from common.telemetry import child, get_logger, metrics, span
from gateway_service.api.gates import Gate, Given
from gateway_service.domain.model.limits import Allowances, Room
from gateway_service.domain.model.webhooks import Origin

RETRY_AFTER = timedelta(seconds=5)
UNCOUNTED = 256 * 1024
"""Bytes of a body that finds room without asking: nearly all of them."""

_JSON = b"application/json"

log = get_logger()

Accept = Callable[[bytes, Origin, str], Awaitable[str]]
"""Makes a body durable, in a trace, and gives the event's id."""
Take = Callable[[int], None]
"""Takes room for a body of so many bytes, or raises HeldBack."""


class WebhookDoor:
    """One webhook route, of one provider.

    Errors are ours to answer here: neither FastAPI's handlers nor the edge's log lines are
    around it. A webhook that was accepted costs two counters and no line in the log.
    """

    def __init__(
        self,
        route: str,
        gate: Gate,
        accept: Accept,
        room: Room,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._route = route
        self._gate = gate
        self._accept = accept
        self._room = room
        self._clock = clock
        self._accepted = child(metrics.WEBHOOKS, route, "accepted")
        self._seconds = child(metrics.HTTP_SERVER, route, "POST", "200")
        # Whoever knocks with a wrong secret should not fill the log as well.
        self._lines = Allowances(per_second=1, burst=20)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        started = time.perf_counter()
        try:
            event_id = await self._take(scope, receive)
        except _CallerGone:
            return
        except ParleyError as error:
            await self._refuse(error, scope, receive, send)
        except Exception:  # the last resort: the provider gets a 5xx and comes again
            log.exception("webhook.failed", route=self._route)
            await self._refuse(_Bug(), scope, receive, send)
        else:
            await send(_ACCEPTED)
            await send({"type": "http.response.body", "body": b'{"event_id":"%b"}' % event_id})
            self._accepted.inc()
            self._seconds.observe(time.perf_counter() - started)

    async def _take(self, scope: Scope, receive: Receive) -> bytes:
        if scope["method"] != "POST":
            raise MethodNotAllowed("Webhooks are delivered with POST.")
        given = dict(scope["headers"])
        origin = self._gate.admit(scope, given)
        _require_json(given)
        declared = given.get(b"content-length", b"")
        size = int(declared) if declared.isdigit() else 0
        if size > self._room.each:
            raise _too_large(self._room.each)
        if 0 < size <= UNCOUNTED:
            return await self._receive(given, origin, receive, _uncounted)
        with self._room.taken() as take:
            take(size)
            return await self._receive(given, origin, receive, take)

    async def _receive(self, given: Given, origin: Origin, receive: Receive, take: Take) -> bytes:
        limit = self._room.each
        message = await receive()
        raw = message.get("body", b"")
        if message.get("more_body") or not raw or len(raw) > limit:
            raw = await _read_on(message, receive, limit, take)
        with span(self._route, _traceparent(given), kind="server") as traceparent:
            return (await self._accept(raw, origin, traceparent)).encode()

    async def _refuse(self, error: ParleyError, scope: Scope, receive: Receive, send: Send) -> None:
        if isinstance(error, Transient) and error.retry_after is None:
            error.retry_after = RETRY_AFTER
        request_id = uuid.uuid4().hex
        response = problem_response(error, request_id=request_id)
        response.headers["x-request-id"] = request_id
        if isinstance(error, MethodNotAllowed):
            response.headers["allow"] = "POST"
        if isinstance(error, TooLarge):
            # The rest of the body is still coming; nobody will read it.
            response.headers["connection"] = "close"
        child(metrics.WEBHOOKS, self._route, error.code).inc()
        if self._lines.allows(error.code, self._clock()):
            log.warning(
                "webhook.refused", route=self._route, error=error.code, request_id=request_id
            )
        await response(scope, receive, send)


class MethodNotAllowed(Permanent):
    """Webhooks are posted."""

    status = 405
    code = "method_not_allowed"


class _Bug(ParleyError):
    """Our own fault; the log has it."""

    def __init__(self) -> None:
        super().__init__("Something went wrong on our side; it was recorded.")


class _CallerGone(Exception):
    """The provider hung up before it had sent everything."""


_EVENT_ID = 32
_ACCEPTED: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [
        (b"content-type", _JSON),
        (b"content-length", str(_EVENT_ID + len(b'{"event_id":""}')).encode()),
    ],
}


def _require_json(given: Given) -> None:
    content_type = given.get(b"content-type", b"")
    if content_type != _JSON and content_type.partition(b";")[0].strip().lower() != _JSON:
        raise UnsupportedMedia("The content type must be application/json.")
    if given.get(b"content-encoding", b"identity").lower() != b"identity":
        raise UnsupportedMedia("The body must not be compressed.")


def _uncounted(_: int) -> None:
    """Take no room: what is this small needs none."""


async def _read_on(message: Message, receive: Receive, limit: int, take: Take) -> bytes:
    """Read a body that did not come in one piece, unless it is larger than it may be."""
    body = bytearray()
    while True:
        if message["type"] == "http.disconnect":
            raise _CallerGone
        body += message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        if len(body) > UNCOUNTED:
            take(len(body))
        if not message.get("more_body"):
            return bytes(body)
        message = await receive()


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is over the limit of {limit} bytes.")


def _traceparent(given: Given) -> str | None:
    value = given.get(b"traceparent")
    return None if value is None else value.decode("latin-1")
