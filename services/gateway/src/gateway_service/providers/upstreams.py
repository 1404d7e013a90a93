"""The services behind us, over one connection pool, with our own internal tokens."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager

import httpx2

from common.auth import Principal
from common.errors import OutcomeUnknown, ParleyError, TimedOut, Unavailable
from common.http import Observer
from gateway_service.domain.ports import Answer, Call, HeaderList

CONNECT_SECONDS = 2.0
_POOL_SECONDS = 2.0
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_EVENT_STREAM = b"text/event-stream"

_NOT_OURS_TO_ANSWER = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-connection", b"te"),
        *(b"trailer", b"transfer-encoding", b"upgrade"),
        # Our own server and edge write these.
        *(b"date", b"server", b"x-request-id"),
    }
)

Sign = Callable[[Principal, str], str]
"""Makes the token that speaks for a principal to one service."""


class HttpUpstreams:
    """Passes requests on and streams the answers back; nothing is retried here."""

    def __init__(
        self,
        http: httpx2.AsyncClient,
        addresses: Mapping[str, str],
        sign: Sign,
        observer: Observer,
        *,
        silence_seconds: float,
    ) -> None:
        self._http = http
        self._addresses = {name: httpx2.URL(url) for name, url in addresses.items()}
        self._sign = sign
        self._observer = observer
        self._silence = silence_seconds

    @asynccontextmanager
    async def send(self, call: Call) -> AsyncGenerator[Answer]:
        """Pass a request on; see `Upstreams.send`."""
        started = time.perf_counter()
        outcome = "cancelled"
        try:
            response = await self._open(call)
            outcome = "ok"
        except httpx2.RequestError as failure:
            error = _in_our_words(call, failure)
            outcome = error.code
            raise error from failure
        except ParleyError as error:
            # The caller's own body was wrong while we were passing it on.
            outcome = error.code
            raise
        finally:
            self._observer.called(call.service, outcome, time.perf_counter() - started)
        try:
            headers = _kept(response.headers.raw)
            yield Answer(response.status_code, headers, response.aiter_raw())
        finally:
            await response.aclose()

    async def _open(self, call: Call) -> httpx2.Response:
        headers = list(call.headers)
        if call.principal is not None:
            token = self._sign(call.principal, call.service)
            headers.append((b"authorization", f"Bearer {token}".encode()))
        streaming = any(n == b"accept" and _EVENT_STREAM in v for n, v in call.headers)
        patience = httpx2.Timeout(
            self._silence,
            connect=CONNECT_SECONDS,
            pool=_POOL_SECONDS,
            # An event stream may be silent for as long as nothing happens.
            read=None if streaming else self._silence,
        )
        request = self._http.build_request(
            call.method,
            self._addresses[call.service].copy_with(raw_path=call.target),
            headers=headers,
            content=call.body,
            timeout=patience,
        )
        try:
            # It begins at once all the same: a client that went is not seen before it does.
            async with asyncio.timeout(self._silence if streaming else None):
                return await self._http.send(request, stream=True, follow_redirects=False)
        except TimeoutError:
            raise httpx2.ReadTimeout("no event stream began in time", request=request) from None


def _in_our_words(call: Call, failure: httpx2.RequestError) -> ParleyError:
    """Nothing was sent: 503. No answer in time: 504. Broken in between: as safe as the method."""
    who = f"The {call.service} service"
    match failure:
        case httpx2.PoolTimeout():
            return Unavailable(
                "The gateway has as many requests under way as it can hold.",
                hint="Try again in a few seconds.",
            )
        case httpx2.ConnectError() | httpx2.ConnectTimeout():
            return Unavailable(f"{who} is away.", hint="Try again in a few seconds.")
        case httpx2.TimeoutException() if call.method in _SAFE:
            return TimedOut(f"{who} did not answer in time.")
        case _ if call.method in _SAFE:
            return Unavailable(f"{who} broke the connection.", hint="Try again.")
        case _:
            return OutcomeUnknown(
                f"{who} did not answer; it may or may not have done it.",
                hint="Look whether it was done before you send it again.",
            )


def _kept(raw: HeaderList) -> HeaderList:
    return [(n.lower(), v) for n, v in raw if n.lower() not in _NOT_OURS_TO_ANSWER]
