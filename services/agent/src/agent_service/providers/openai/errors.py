"""What a model server's refusal means in our words; each has its own end."""

from datetime import timedelta

import openai

from agent_service.domain.ports import TooMuchContext
from common.errors import NeedsOperator, RateLimited, Refused, Unavailable
from common.http import parse_retry_after

_PASSING = {408, 409}
_SERVER_ERRORS = 500
_HARD_429 = {"insufficient_quota", "billing_hard_limit_reached"}
_TOO_LONG = ("context length", "context window", "too many tokens")
"""How servers without error codes say that a request is too long (vLLM, llama.cpp)."""


def ours(error: openai.OpenAIError) -> Exception:
    """Say the SDK's error in our words."""
    match error:
        case openai.RateLimitError():
            if _HARD_429 & {error.code, error.type}:
                return NeedsOperator("the model account has no quota left")
            return RateLimited("the model asks us to slow down", retry_after=_wait(error))
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return NeedsOperator("the model server refuses the key")
        case openai.NotFoundError():
            return NeedsOperator("the model does not exist (any more)")
        case openai.APIConnectionError():
            return Unavailable("the model server cannot be reached")
        case _:
            return _by_status(error)


def _wait(error: openai.RateLimitError) -> timedelta | None:
    headers = error.response.headers
    exact = headers.get("retry-after-ms", "")
    if exact.isdigit():
        return timedelta(milliseconds=int(exact))
    return parse_retry_after(headers.get("retry-after"))


def _by_status(error: openai.OpenAIError) -> Exception:
    status = getattr(error, "status_code", 0)
    if status in _PASSING or status >= _SERVER_ERRORS:
        return Unavailable(f"the model server answered {status}")
    code = getattr(error, "code", None)
    sentence = str(getattr(error, "message", "")).lower()
    if code == "context_length_exceeded" or any(words in sentence for words in _TOO_LONG):
        return TooMuchContext(f"the model server refused: {code or 'context_length_exceeded'}")
    return Refused(f"the model server refused: {code or status}")
