"""Connections to the operator's model server, for many calls at once."""

from itertools import cycle

import httpx2

from common.http import LIMITS, AsyncioBackend, PooledTransport

_STRIPES = 8


class StripedTransport(httpx2.AsyncBaseTransport):
    """Several small pools in turn.

    A pool looks at each of its connections with every request, twice: with 64 of them in one pool
    that was a seventh of a turn's CPU.
    """

    def __init__(self) -> None:
        trust = httpx2.create_ssl_context(trust_env=True)
        self._stripes = [
            PooledTransport(AsyncioBackend(), verify=trust, limits=LIMITS) for _ in range(_STRIPES)
        ]
        self._next = cycle(self._stripes)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request over the next pool."""
        return await next(self._next).handle_async_request(request)

    async def aclose(self) -> None:
        """Close every connection."""
        for stripe in self._stripes:
            await stripe.aclose()
