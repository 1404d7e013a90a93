"""Connections to the operator's model server, for many calls at once."""

from itertools import cycle

import httpx2

_STRIPES = 8
_LIMITS = httpx2.Limits(max_connections=200, max_keepalive_connections=100, keepalive_expiry=4.0)
"""As of every pool of ours (`common.http`): we let go of a connection before a server does."""


class StripedTransport(httpx2.AsyncBaseTransport):
    """Several small pools in turn.

    A pool looks at each of its idle connections with every request, down to a system call: of
    64 connections in one pool that was a seventh of a turn's CPU.
    """

    def __init__(self) -> None:
        trust = httpx2.create_ssl_context(trust_env=True)
        self._stripes = [
            httpx2.AsyncHTTPTransport(verify=trust, limits=_LIMITS, trust_env=False)
            for _ in range(_STRIPES)
        ]
        self._next = cycle(self._stripes)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request over the next pool."""
        return await next(self._next).handle_async_request(request)

    async def aclose(self) -> None:
        """Close every connection."""
        for stripe in self._stripes:
            await stripe.aclose()
