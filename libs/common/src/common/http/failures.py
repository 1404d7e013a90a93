"""What a failed exchange means in our words."""

from http import HTTPStatus

import httpx2

from common.errors import (
    Conflict,
    InvalidInput,
    NeedsOperator,
    NotFound,
    OutcomeUnknown,
    ParleyError,
    RateLimited,
    Refused,
    TimedOut,
    Unavailable,
)
from common.http.answer import ApiResponse
from common.http.retry import parse_retry_after

_NOTHING_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
)
_OUR_FAULT = (httpx2.UnsupportedProtocol, httpx2.LocalProtocolError)
_SERVER_ERRORS = 500
_MIDDLEMEN = (HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT)


def from_exception(
    provider: str, failure: httpx2.RequestError | TimeoutError, *, repeatable: bool
) -> ParleyError:
    """Name a failure of the exchange itself.

    Once a byte may have left, only a repeatable call may be called undone: for any other the
    truth is that nobody knows.
    """
    if isinstance(failure, _NOTHING_SENT):
        return Unavailable(f"{provider} cannot be reached.")
    if isinstance(failure, _OUR_FAULT):
        return InvalidInput(f"The address or the request for {provider} is not valid HTTP.")
    if isinstance(failure, httpx2.TooManyRedirects):
        return Refused(f"{provider} redirects in a circle.")
    timed_out = isinstance(failure, TimeoutError | httpx2.TimeoutException)
    if not repeatable:
        what = "did not answer in time" if timed_out else "broke off before answering"
        return OutcomeUnknown(f"{provider} {what}; it may have done what we asked.")
    if timed_out:
        return TimedOut(f"{provider} did not answer in time.")
    return Unavailable(f"{provider} broke off before answering.")


def from_status(response: ApiResponse, *, repeatable: bool) -> ParleyError:
    """Name an answer that is not a success, when the provider's client has no better word."""
    status, provider = response.status, response.provider
    wait = parse_retry_after(response.headers.get("retry-after"))
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(f"{provider} asked us to slow down.", retry_after=wait)
    if status in _MIDDLEMEN and not repeatable:
        # A middleman lost the answer: the provider itself may have done the work.
        return OutcomeUnknown(f"{provider} answered {status}; it may have done what we asked.")
    if status >= _SERVER_ERRORS or status == HTTPStatus.REQUEST_TIMEOUT:
        return Unavailable(f"{provider} answered {status}.", retry_after=wait)
    return _refusal(status, provider)


def _refusal(status: int, provider: str) -> ParleyError:
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return NeedsOperator(
                f"{provider} refused our credentials ({status}).",
                hint=f"Connect {provider} again, or check what the account may do.",
            )
        case HTTPStatus.NOT_FOUND | HTTPStatus.GONE:
            return NotFound(f"{provider} does not know it ({status}).")
        case HTTPStatus.CONFLICT:
            return Conflict(f"{provider} says it is in another state ({status}).")
        case _:
            return Refused(f"{provider} refused the request ({status}).")
