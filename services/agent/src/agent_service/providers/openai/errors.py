"""What a model server's refusal means in our words; each has its own end."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any

import httpx2
import openai
import orjson

from agent_service.domain.ports import AccountRefused, TooMuchContext
from common.errors import NeedsOperator, RateLimited, Refused, Unavailable
from common.http import parse_retry_after

_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT}
_SERVER_ERRORS = 500
_HARD_429 = {"insufficient_quota", "billing_hard_limit_reached"}
_TOO_LONG = ("context length", "context window", "too many tokens")
"""How servers without error codes say that a request is too long (vLLM, llama.cpp)."""


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
        case HTTPStatus.TOO_MANY_REQUESTS if _HARD_429 & {error.get("code"), error.get("type")}:
            return AccountRefused("the model account has no quota left")
        case HTTPStatus.TOO_MANY_REQUESTS:
            wait = _wait(response.headers)
            return RateLimited("the model asks us to slow down", retry_after=wait)
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return AccountRefused("the model server refuses the key")
        case HTTPStatus.NOT_FOUND:
            return NeedsOperator("the model does not exist (any more)")
        case _ if status in _PASSING or status >= _SERVER_ERRORS:
            return Unavailable(f"the model server answered {status}")
        case _:
            return _refusal(status, error)


def _error_in(content: bytes) -> dict[str, Any]:
    """Find OpenAI's error object; servers of others may write anything."""
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    error = found.get("error") if isinstance(found, dict) else None
    return error if isinstance(error, dict) else {}


def _refusal(status: int, error: dict[str, Any]) -> Exception:
    code, sentence = error.get("code"), str(error.get("message", "")).lower()
    if code == "context_length_exceeded" or any(words in sentence for words in _TOO_LONG):
        return TooMuchContext(f"the model server refused: {code or 'context_length_exceeded'}")
    return Refused(f"the model server refused: {code or status}")


def _wait(headers: httpx2.Headers) -> timedelta | None:
    exact = headers.get("retry-after-ms", "")
    if exact.isdigit():
        return timedelta(milliseconds=int(exact))
    return parse_retry_after(headers.get("retry-after"))
