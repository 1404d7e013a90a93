"""What all clients of a process share: one connection pool, its breakers and its limits."""

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import httpx2

from common.http.breaker import Breakers, BreakerState
from common.http.guarded_transport import GuardedTransport, PooledTransport
from common.http.network import AsyncioBackend
from common.http.rate_limit import RateLimiter
from common.http.ssrf import SsrfGuard

LIMITS = httpx2.Limits(max_connections=200, max_keepalive_connections=100, keepalive_expiry=4.0)
"""Node and uvicorn close an idle connection after 5 s. We let go first: a POST that meets a
connection just being closed has an unknown outcome."""


class Observer(Protocol):
    """Whoever counts calls; telemetry has one."""

    def called(self, provider: str, outcome: str, seconds: float) -> None:
        """One exchange ended: `ok` or the code of our error."""

    def breaker_moved(self, provider: str, before: BreakerState, after: BreakerState) -> None:
        """A breaker changed its state."""


class _Nobody:
    """Counts nothing."""

    def called(self, provider: str, outcome: str, seconds: float) -> None:
        """Ignore it."""

    def breaker_moved(self, provider: str, before: BreakerState, after: BreakerState) -> None:
        """Ignore it."""


NOBODY: Observer = _Nobody()


@dataclass(frozen=True, slots=True)
class Wire:
    """Built once per process and handed to every `ApiClient`."""

    http: httpx2.AsyncClient
    breakers: Breakers = field(default_factory=Breakers)
    limiter: RateLimiter = field(default_factory=RateLimiter)
    traceparent: Callable[[], str | None] = lambda: None
    """Gives the W3C trace header of the work in hand."""
    observer: Observer = NOBODY
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@asynccontextmanager
async def open_wire(
    *,
    traceparent: Callable[[], str | None] = lambda: None,
    observer: Observer = NOBODY,
    guard: SsrfGuard | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
    limits: httpx2.Limits = LIMITS,
) -> AsyncGenerator[Wire]:
    """Open the process's connection pool and close it at the end.

    Args:
        traceparent: gives the trace header for each call.
        observer: counts calls and breaker moves.
        guard: give one when tenants choose addresses: then every connection is checked by it.
        transport: instead of the network, for tests (`httpx2.ASGITransport`).
        limits: of the pool.
    """
    if transport is None:
        transport = _transport(guard, limits)
    # A proxy from the environment would resolve names for us, past the guard.
    async with httpx2.AsyncClient(transport=transport, trust_env=False) as http:
        yield Wire(
            http=http,
            breakers=Breakers(moved=observer.breaker_moved),
            traceparent=traceparent,
            observer=observer,
        )


def _transport(guard: SsrfGuard | None, limits: httpx2.Limits) -> httpx2.AsyncBaseTransport:
    trust: ssl.SSLContext = httpx2.create_ssl_context(trust_env=True)
    if guard is not None:
        return GuardedTransport(guard, verify=trust, limits=limits)
    return PooledTransport(AsyncioBackend(), verify=trust, limits=limits)
