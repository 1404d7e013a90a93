"""Models behind the OpenAI Responses API, called without state on their side.

Source: openai SDK 3.54. Its own retries are off: our lanes retry, with the error table of the
API reference (insufficient_quota is a 429 that no retry mends).
"""

from collections.abc import Callable
from typing import Any

import openai
from openai import AsyncOpenAI
from openai.types.responses import Response

from agent_service.domain.model import Agent, Answer, Role, Turn, Usage
from common.contracts.trace import HEADER, current_traceparent
from common.errors import NeedsOperator, RateLimited, Refused, Unavailable
from common.http import parse_retry_after

ClientFor = Callable[[Agent], AsyncOpenAI]
_PASSING = {408, 409}
_SERVER_ERRORS = 500
_HARD_429 = {"insufficient_quota", "billing_hard_limit_reached"}
_PASSING_FAILURES = {"server_error", "rate_limit_exceeded"}
"""Why a 200 may hold a response that failed (`status: failed`), and a retry may help."""


class OpenAIModel:
    """Answers conversations; the client (address, key, pool) follows from the agent."""

    def __init__(self, client_for: ClientFor, *, default_model: str) -> None:
        self._client_for = client_for
        self._default_model = default_model

    async def answer(self, turn: Turn) -> Answer:
        """Answer the conversation; see `Model.answer` for what it raises."""
        settings = turn.agent.settings
        wanted: dict[str, Any] = {
            "model": settings.model or self._default_model,
            "instructions": settings.instructions,
            "input": _input(turn),
            "max_output_tokens": settings.max_output_tokens,
            "store": False,
        }
        trace = current_traceparent.get()
        if trace is not None:
            wanted["extra_headers"] = {HEADER: trace}
        if settings.temperature is not None:
            wanted["temperature"] = settings.temperature
        try:
            response = await self._client_for(turn.agent).responses.create(**wanted)
        except openai.OpenAIError as error:
            raise _ours(error) from error
        # A proxy's page or half an answer: the SDK passes on what it cannot read.
        if not isinstance(response, Response) or not isinstance(response.output, list):
            raise Unavailable("the model server's answer cannot be read")
        return _answer(response)


def _input(turn: Turn) -> list[dict[str, Any]]:
    """Write the conversation as the API wants it; what people wrote is never a system role."""
    return [
        {"role": "user" if line.role is Role.CUSTOMER else "assistant", "content": line.text}
        for line in turn.history
    ]


def _answer(response: Response) -> Answer:
    if response.error is not None and response.error.code in _PASSING_FAILURES:
        raise Unavailable(f"the model failed: {response.error.code}")
    if response.status != "completed":
        details = getattr(response.incomplete_details, "reason", None) or response.status
        raise Refused(f"the model did not finish: {details}")
    text = _storable(response.output_text).strip()
    if not text:
        raise Refused("the model said nothing")
    usage = response.usage
    cached = getattr(getattr(usage, "input_tokens_details", None), "cached_tokens", 0)
    spent = Usage(usage.input_tokens, cached or 0, usage.output_tokens) if usage else Usage()
    return Answer(text, spent, response.model)


def _storable(text: str) -> str:
    """Drop what neither Postgres nor WhatsApp can hold: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "").encode(errors="ignore").decode()


def _ours(error: openai.OpenAIError) -> Exception:
    """Say the SDK's error in our words."""
    match error:
        case openai.RateLimitError():
            if _HARD_429 & {error.code, error.type}:
                return NeedsOperator("the model account has no quota left")
            after = parse_retry_after(error.response.headers.get("retry-after"))
            return RateLimited("the model asks us to slow down", retry_after=after)
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return NeedsOperator("the model server refuses the key")
        case openai.NotFoundError():
            return NeedsOperator("the model does not exist (any more)")
        case openai.APIConnectionError():
            return Unavailable("the model server cannot be reached")
        case _:
            return _by_status(error)


def _by_status(error: openai.OpenAIError) -> Exception:
    status = getattr(error, "status_code", 0)
    if status in _PASSING or status >= _SERVER_ERRORS:
        return Unavailable(f"the model server answered {status}")
    return Refused(f"the model server refused: {getattr(error, 'code', None) or status}")
