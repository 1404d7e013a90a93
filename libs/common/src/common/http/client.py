"""One way to call a provider: bounded, retried, limited, and speaking our errors."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self, Unpack

import httpx2

from common.errors import InvalidInput, ParleyError, RateLimited, Refused, TimedOut, Transient
from common.http.answer import ApiResponse
from common.http.breaker import Breaker
from common.http.call import ApiProfile, CallOptions, encode_body
from common.http.failures import from_exception, from_status
from common.http.retry import IDEMPOTENT
from common.http.wire import Wire

_CONNECT_SECONDS = 5.0


@dataclass(slots=True)
class _Call:
    """One call, ready to be tried."""

    method: str
    url: httpx2.URL
    headers: dict[str, str]
    body: bytes | None
    options: CallOptions
    repeatable: bool
    give_up_at: float
    breaker: Breaker


class ApiClient:
    """Calls one provider. Cheap to make: pool, breakers and limits live in the `Wire`."""

    def __init__(self, wire: Wire, profile: ApiProfile) -> None:
        self._wire = wire
        self._profile = profile

    def at(self, base_url: str, headers: Mapping[str, str] | None = None) -> Self:
        """The same provider at another address, or on another account's behalf."""
        merged = {**self._profile.headers, **(headers or {})}
        profile = replace(self._profile, base_url=base_url, headers=merged)
        return type(self)(self._wire, profile)

    async def request(self, method: str, path: str, **options: Unpack[CallOptions]) -> ApiResponse:
        """Call and return the answer, read to its end.

        Idempotent methods, and calls that are safe to repeat, are tried again after a transient
        failure while the deadline lasts. `path` is joined to the base URL, or is absolute.

        Raises:
            Unavailable: nothing was sent, the provider answered 5xx, or its breaker is open.
            TimedOut: no answer in time to a call that may be repeated.
            OutcomeUnknown: it left and no answer came, and it may not be repeated.
            RateLimited: by the provider (429) or by our own limit.
            NeedsOperator: 401 and 403, when `raise_for` has no better word.
            NotFound: 404 and 410, likewise.
            Conflict: 409, likewise.
            Refused: any other answer outside 2xx and `expect`, likewise; or a body too large.
            InvalidInput: the address is no URL, or the SSRF guard refuses it.
        """
        call = self._prepare(method.upper(), path, options)
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._attempt(call)
            except Transient as failure:
                pause = self._pause(call, attempt, failure)
                if pause is None:
                    raise
            await self._wire.sleep(pause)

    def _prepare(self, method: str, path: str, options: CallOptions) -> _Call:
        url = self._url(path, options.get("params"))
        content_type, body = encode_body(options)
        headers = {**self._profile.headers, **options.get("headers", {})}
        if content_type:
            headers.setdefault("content-type", content_type)
        key = options.get("idempotency_key")
        if key:
            headers["idempotency-key"] = key
        deadline = options.get("deadline", self._profile.deadline)
        return _Call(
            method=method,
            url=url,
            headers=headers,
            body=body,
            options=options,
            repeatable=bool(key) or options.get("safe_to_repeat", method in IDEMPOTENT),
            give_up_at=self._wire.clock() + deadline,
            breaker=self._wire.breakers.of(self._profile.provider, url.netloc.decode("ascii")),
        )

    def _url(self, path: str, params: Mapping[str, str | int] | None) -> httpx2.URL:
        absolute = path.startswith(("http://", "https://"))
        try:
            url = httpx2.URL(path if absolute else self._profile.base_url.rstrip("/") + path)
        except (httpx2.InvalidURL, ValueError):
            raise InvalidInput(f"The address of {self._profile.provider} is not a URL.") from None
        return url.copy_merge_params(params) if params else url

    def _pause(self, call: _Call, attempt: int, failure: Transient) -> float | None:
        """The seconds to wait before another attempt; None when there must be none."""
        if not call.repeatable or attempt >= self._profile.retry.attempts:
            return None
        pause = self._profile.retry.pause(attempt, failure)
        return pause if self._wire.clock() + pause < call.give_up_at else None

    async def _attempt(self, call: _Call) -> ApiResponse:
        await self._pay(call)
        call.breaker.admit()
        started = self._wire.clock()
        outcome = "cancelled"
        try:
            response = await self._exchange(call)
            self._judge(call, response)
        except ParleyError as failure:
            outcome = failure.code
            _tell(call.breaker, failure)
            raise
        except BaseException:
            call.breaker.abandoned()
            raise
        else:
            outcome = "ok"
            call.breaker.succeeded()
            return response
        finally:
            self._wire.observer.called(
                self._profile.provider, outcome, self._wire.clock() - started
            )

    async def _pay(self, call: _Call) -> None:
        if self._profile.rate is not None:
            key = call.options.get("rate_key", "")
            longest = max(call.give_up_at - self._wire.clock(), 0.0)
            await self._wire.limiter.take(
                f"{self._profile.provider}/{key}", self._profile.rate, longest_wait=longest
            )

    async def _exchange(self, call: _Call) -> ApiResponse:
        """Send and read to the end, or name what went wrong."""
        left = call.give_up_at - self._wire.clock()
        if left <= 0:
            raise TimedOut(f"No time was left to call {self._profile.provider}.")
        seconds = min(call.options.get("timeout", self._profile.timeout), left)
        try:
            async with asyncio.timeout(seconds):
                return await self._send(call, seconds)
        except (httpx2.RequestError, TimeoutError) as failure:
            raise from_exception(
                self._profile.provider, failure, repeatable=call.repeatable
            ) from failure

    async def _send(self, call: _Call, seconds: float) -> ApiResponse:
        headers = call.headers
        if trace := self._wire.traceparent():
            headers = {**headers, "traceparent": trace}
        # Connecting may not eat the whole attempt: its own limit says that nothing was sent.
        patience = httpx2.Timeout(seconds, connect=min(_CONNECT_SECONDS, seconds * 0.8))
        request = self._wire.http.build_request(
            call.method, call.url, content=call.body, headers=headers, timeout=patience
        )
        response = await self._wire.http.send(
            request, stream=True, follow_redirects=call.options.get("follow_redirects", False)
        )
        try:
            content = await self._read(response, call)
        finally:
            await response.aclose()
        return ApiResponse(self._profile.provider, response.status_code, response.headers, content)

    async def _read(self, response: httpx2.Response, call: _Call) -> bytes:
        limit = call.options.get("max_bytes", self._profile.max_bytes)
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > limit:
                raise Refused(f"{self._profile.provider} answered more than {limit} bytes.")
            chunks.append(chunk)
        return b"".join(chunks)

    def _judge(self, call: _Call, response: ApiResponse) -> None:
        if response.is_success or response.status in call.options.get("expect", ()):
            return
        if self._profile.raise_for is not None:
            self._profile.raise_for(response)
        raise from_status(response, repeatable=call.repeatable)


def _tell(breaker: Breaker, failure: ParleyError) -> None:
    """An answer of any kind, even "slow down", proves the host alive."""
    if isinstance(failure, InvalidInput):
        breaker.abandoned()
    elif isinstance(failure, Transient) and not isinstance(failure, RateLimited):
        breaker.failed()
    else:
        breaker.succeeded()
