"""The audit log's door: every change that was asked for, and who was not let in."""

import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.contracts import TenantId
from common.errors import Transient
from common.telemetry import get_logger
from gateway_service.api.callers import CALL, CallNotes
from gateway_service.domain.model.audit import NOBODY, AuditEntry
from gateway_service.domain.model.limits import Allowances
from gateway_service.domain.ports import AuditSink, Clock

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_UNAUTHENTICATED = 401
_LONGEST_PATH = 300
_STRANGERS_PER_SECOND = 1
_STRANGERS_BURST = 30

log = get_logger()


class Audited:
    """Writes a line for every changing call after it ended.

    Failed authentications are written too, but at most one a second after the first thirty:
    a stranger may not fill our disk. The line is written when the caller has the answer; if
    the database is away by then, the log keeps the line instead.
    """

    def __init__(
        self,
        app: ASGIApp,
        sink: AuditSink,
        *,
        now: Clock,
        new_id: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._sink = sink
        self._now = now
        self._new_id = new_id
        self._clock = clock
        self._strangers = Allowances(_STRANGERS_PER_SECOND, _STRANGERS_BURST)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        notes = scope[CALL] = CallNotes()

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                notes.status = message["status"]
                notes.request_id = dict(message["headers"]).get(b"x-request-id", b"").decode()
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            if self._matters(scope["method"], notes):
                await self._write(scope, notes)

    def _matters(self, method: str, notes: CallNotes) -> bool:
        if notes.principal is not None:
            return method not in _READING
        stranger = notes.status == _UNAUTHENTICATED
        return stranger and self._strangers.allows("", self._clock())

    async def _write(self, scope: Scope, notes: CallNotes) -> None:
        who = notes.principal
        entry = AuditEntry(
            id=self._new_id(),
            tenant=NOBODY if who is None else TenantId(notes.tenant or who.tenant_id),
            at=self._now(),
            subject="unknown" if who is None else who.subject,
            action=f"{scope['method']} {_plain(scope['path'])}",
            request_id=notes.request_id,
            status=notes.status,
        )
        try:
            await self._sink.write(entry)
        except Transient as failure:
            log.error(  # noqa: TRY400 - the line is what matters, not where we stood
                "audit.not_written",
                error=failure.code,
                tenant=entry.tenant,
                subject=entry.subject,
                action=entry.action,
                status=entry.status,
                request_id=entry.request_id,
            )


def _plain(path: str) -> str:
    """Postgres takes no NUL, and nobody reads more than a line."""
    return path.replace("\x00", "")[:_LONGEST_PATH]
