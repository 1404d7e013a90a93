"""The first and last thing a request meets: its id, its trace, its line in the log."""

import re
import time
import uuid
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.contracts.trace import HEADER
from common.service.problems import ERROR_CODE, REQUEST_ID, unhandled_response
from common.service.routes import templates
from common.telemetry import child, get_logger, metrics, span

_SANE = re.compile(r"[A-Za-z0-9._-]{8,64}")
_UNMATCHED = "unmatched"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

log = get_logger()


class RequestEdge:
    """Pure ASGI middleware: request id in and out, trace, access log, metrics, last resort.

    Paths are logged as their templates: a real one may hold a webhook's public id.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._templates: Mapping[int, str] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given, traceparent = _headers(scope)
        request_id = given if _SANE.fullmatch(given) else uuid.uuid4().hex
        scope[REQUEST_ID] = request_id
        exchange = _Exchange(send, request_id)
        with (
            structlog.contextvars.bound_contextvars(request_id=request_id),
            span(f"HTTP {scope['method']}", traceparent, kind="server"),
        ):
            try:
                await self._app(scope, receive, exchange.send)
            except Exception:  # the last resort: whatever it is, the caller gets an answer
                log.exception(
                    "http.request_failed", method=scope["method"], route=self._route(scope)
                )
                await self._apologise(exchange, scope, receive)
            finally:
                exchange.record(scope, self._route(scope))

    async def _apologise(self, exchange: "_Exchange", scope: Scope, receive: Receive) -> None:
        scope[ERROR_CODE] = "internal"
        if exchange.status is not None:
            # Half an answer is out: only a broken connection tells the caller so.
            raise _HalfAnswered
        await unhandled_response(exchange.request_id)(scope, receive, exchange.send)

    def _route(self, scope: Scope) -> str:
        """The template that matched; only templates, so that metrics stay few."""
        if self._templates is None:
            self._templates = templates(scope["app"])
        return self._templates.get(id(scope.get("endpoint")), _UNMATCHED)


class _HalfAnswered(Exception):
    """The answer broke off; the server closes the connection."""


class _Exchange:
    """What was answered so far."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.status: int | None = None
        self._started = time.perf_counter()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", ()), (b"x-request-id", self.request_id.encode())]
            message = {**message, "headers": headers}
        await self._send(message)

    def record(self, scope: Scope, route: str) -> None:
        seconds = time.perf_counter() - self._started
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        status = self.status or 499
        child(metrics.HTTP_SERVER, route, method, str(status)).observe(seconds)
        facts: MutableMapping[str, Any] = {"milliseconds": round(seconds * 1000, 1)}
        if code := scope.get(ERROR_CODE):
            facts["error"] = code
        log.info("http.request_answered", method=method, route=route, status=status, **facts)


def _headers(scope: Scope) -> tuple[str, str | None]:
    request_id, traceparent = "", None
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            request_id = value.decode("latin-1")
        elif name == HEADER.encode():
            traceparent = value.decode("latin-1")
    return request_id, traceparent
