"""A transport that connects only where the guard lets it."""

import asyncio
import ssl
from collections.abc import Iterable

import httpcore2
import httpx2

from common.http.network import AsyncioBackend
from common.http.ssrf import SsrfGuard


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to the very address that was checked.

    The name is resolved once, here; TLS still verifies the name. A second look-up between check
    and connect, which DNS rebinding needs, does not exist.
    """

    def __init__(self, guard: SsrfGuard) -> None:
        self._guard = guard
        self._network = AsyncioBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore2's
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Resolve, check, connect; the first address that answers wins."""
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._guard.addresses(host, port)
        except TimeoutError:
            raise httpcore2.ConnectTimeout(f"{host} did not resolve in time") from None
        except OSError as failure:
            raise httpcore2.ConnectError(str(failure)) from failure
        failure_seen: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                return await self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as failure:
                failure_seen = failure
        raise failure_seen

    async def sleep(self, seconds: float) -> None:
        """Wait between connection attempts."""
        await asyncio.sleep(seconds)


class PooledTransport(httpx2.AsyncHTTPTransport):
    """A transport on a network of our choice, for which httpx2 has no argument."""

    def __init__(
        self,
        network: httpcore2.AsyncNetworkBackend,
        *,
        verify: ssl.SSLContext,
        limits: httpx2.Limits,
    ) -> None:
        super().__init__(verify=verify, limits=limits, trust_env=False)
        # Its own pool is replaced before it is used.
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=verify,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=network,
        )


class GuardedTransport(PooledTransport):
    """A transport whose every request and redirect passes the guard, in URL and in address."""

    def __init__(self, guard: SsrfGuard, *, verify: ssl.SSLContext, limits: httpx2.Limits) -> None:
        super().__init__(GuardedBackend(guard), verify=verify, limits=limits)
        self._guard = guard

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Check the URL of this hop, then send it."""
        self._guard.check_url(request.url)
        return await super().handle_async_request(request)
