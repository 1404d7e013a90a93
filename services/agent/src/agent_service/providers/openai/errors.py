"""What a model server's refusal means in our words; each has its own end."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any, NamedTuple

import httpx2
import openai
import orjson

from agent_service.domain.ports import AccountRefused, TooMuchContext
from common.errors import NeedsOperator, RateLimited, Refused, Unavailable
from common.http import parse_retry_after

_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT}
_SERVER_ERRORS = 500
_HARD_429 = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"}
_TOO_LONG = ("context length", "context window", "context size", "too many tokens")
"""How servers without error codes say that a request is too long (vLLM, llama.cpp)."""
_OVER_A_MINUTE = "request too large"
"""A 429 for what is more than a whole minute's tokens: no waiting makes it fit."""


class _Error(NamedTuple):
    """What an error body says, as far as it says it."""

    code: str
    type: str
    sentence: str
    """In lower case."""


def unreachable() -> Exception:
    """Say that there was no answer."""
    return Unavailable("the model server cannot be reached")


def ours(error: openai.OpenAIError) -> Exception:
    """Say the SDK's error in our words."""
    if isinstance(error, openai.APIStatusError):
        return of_status(error.response)
    if isinstance(error, openai.APIConnectionError):
        return unreachable()
    return Refused("the model server refused the request")


def of_status(response: httpx2.Response) -> Exception:
    """Say in our words why an answer is none."""
    status, error = response.status_code, _error_in(response.content)
    match status:
        case HTTPStatus.TOO_MANY_REQUESTS:
            return _too_many(error, response.headers)
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return AccountRefused("the model server refuses the key")
        case HTTPStatus.NOT_FOUND:
            return NeedsOperator("the model does not exist (any more)")
        case _ if status in _PASSING or status >= _SERVER_ERRORS:
            return Unavailable(f"the model server answered {status}")
        case _:
            return _refusal(status, error)


def _too_many(error: _Error, headers: httpx2.Headers) -> Exception:
    if _HARD_429 & {error.code, error.type}:
        return AccountRefused("the model account has no quota left")
    if _OVER_A_MINUTE in error.sentence:
        return TooMuchContext("the model server takes less in a minute than was asked at once")
    return RateLimited("the model asks us to slow down", retry_after=_wait(headers))


def _error_in(content: bytes) -> _Error:
    """Find OpenAI's error object, or what stands in its place at servers of others."""
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        return _Error("", "", "")
    if isinstance(found, list) and found:
        found = found[0]
    whole = found if isinstance(found, dict) else {}
    error = whole.get("error")
    said = error if isinstance(error, dict) else whole
    words = error if isinstance(error, str) else said.get("message") or said.get("detail")
    return _Error(_word(said.get("code")), _word(said.get("type")), str(words or "").lower())


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _refusal(status: int, error: _Error) -> Exception:
    if status == HTTPStatus.PAYMENT_REQUIRED:
        return AccountRefused("the model account has no quota left")
    too_long = status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    too_long = too_long or any(words in error.sentence for words in _TOO_LONG)
    if too_long or error.code == "context_length_exceeded":
        code = error.code or "context_length_exceeded"
        return TooMuchContext(f"the model server refused: {code}")
    return Refused(f"the model server refused: {error.code or status}")


def _wait(headers: httpx2.Headers) -> timedelta | None:
    exact = headers.get("retry-after-ms", "")
    if exact.isdigit():
        return timedelta(milliseconds=int(exact))
    return parse_retry_after(headers.get("retry-after"))
