"""Is the process alive, is it ready, and what does it count: three paths on every port."""

from collections.abc import Sequence
from typing import Protocol

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import ASGIApp, Receive, Scope, Send

_PATHS = frozenset({"/livez", "/readyz", "/metrics"})


class Check(Protocol):
    """Something whose state decides whether the process is ready and alive.

    `stalled` must never depend on Kafka, Postgres or a provider: restarting us mends none of them.
    """

    def not_ready(self) -> str | None:
        """Say why no work should be sent here now; None when ready."""

    def stalled(self) -> str | None:
        """Say why only a restart can help, such as a heartbeat too old; None when alive."""


class Health:
    """The checks of one service in one process."""

    def __init__(self, checks: Sequence[Check] = ()) -> None:
        self._checks = list(checks)
        self.draining = False
        """Set when the process was told to stop: ready no more, but alive."""

    def add(self, checks: Sequence[Check]) -> None:
        """Watch these too."""
        self._checks.extend(checks)

    def not_ready(self) -> list[str]:
        """Every reason not to be ready."""
        reasons = [reason for check in self._checks if (reason := check.not_ready())]
        return ["the process is stopping", *reasons] if self.draining else reasons

    def stalled(self) -> list[str]:
        """Every reason to be restarted."""
        return [reason for check in self._checks if (reason := check.stalled())]


class Probes:
    """Answers `/livez`, `/readyz` and `/metrics` before anything else sees the request.

    Without an application the three paths are all there is: that is a worker's port.
    """

    def __init__(self, app: ASGIApp | None, health: Health) -> None:
        self._app = app
        self._health = health

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a probe, or pass the request on."""
        probe = scope["type"] == "http" and scope["path"] in _PATHS
        if not probe and self._app is not None:
            await self._app(scope, receive, send)
            return
        status, content_type, body = self._answer(scope["path"])
        headers = [
            (b"content-type", content_type.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, path: str) -> tuple[int, str, bytes]:
        match path:
            case "/livez":
                return _verdict(self._health.stalled(), "alive")
            case "/readyz":
                return _verdict(self._health.not_ready(), "ready")
            case "/metrics":
                return 200, CONTENT_TYPE_LATEST, generate_latest()
            case _:
                return 404, "application/json", b"{}"


def _verdict(reasons: list[str], well: str) -> tuple[int, str, bytes]:
    state = {"status": f"not {well}" if reasons else well, "reasons": reasons}
    return (503 if reasons else 200, "application/json", orjson.dumps(state))
