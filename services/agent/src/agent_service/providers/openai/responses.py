"""The Responses API, called without state on their side."""

from collections.abc import Iterator
from typing import Any

from agent_service.domain.model import (
    Answer,
    Called,
    Effect,
    Ending,
    Item,
    Output,
    Request,
    Said,
    ToolCall,
    ToolSpec,
    Usage,
)
from agent_service.domain.model.texts import storable
from agent_service.domain.ports import Garbled, Unfinished
from agent_service.providers.openai.pieces import arguments_of, refuses, words_of

PATH = "/responses"
_PASSING_FAILURES = {"server_error", "rate_limit_exceeded"}
"""Why a 200 may hold a response that failed (`status: failed`), and a retry may help."""


def body_of(request: Request, model: str) -> dict[str, Any]:
    """Write a request; what people wrote is never a system role."""
    settings = request.agent.settings
    body: dict[str, Any] = {
        "model": model,
        "instructions": request.instructions,
        "input": [part for item in request.items for part in _input(item)],
        "max_output_tokens": request.max_output_tokens,
        "store": False,
    }
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        body["parallel_tool_calls"] = all(t.effect is Effect.READ for t in request.tools)
    if settings.temperature is not None:
        body["temperature"] = settings.temperature
    if settings.reasoning_effort is not None:
        # A model that does not reason refuses to be asked for its reasoning.
        body["reasoning"] = {"effort": settings.reasoning_effort}
        body["include"] = ["reasoning.encrypted_content"]
    if settings.base_url is None:
        body["prompt_cache_key"] = request.agent.id
        body["safety_identifier"] = request.contact
    return body


def _tool(tool: ToolSpec) -> dict[str, Any]:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": True,
    }


def _input(item: Item) -> Iterator[dict[str, Any]]:
    match item:
        case Said(role="system"):
            yield {"role": "developer", "content": item.text}
        case Said(images=()):
            yield {"role": item.role, "content": item.text}
        case Said():
            yield {"role": item.role, "content": [*_seen(item)]}
        case Called():
            yield from item.answer.reasoning
            if item.answer.text:
                yield {"role": "assistant", "content": item.answer.text}
            # Without its id, which names something that their side did not keep.
            for call in item.answer.calls:
                yield {
                    "type": "function_call",
                    "call_id": call.id,
                    "name": call.name,
                    "arguments": call.arguments,
                }
        case Output():
            yield {"type": "function_call_output", "call_id": item.call_id, "output": item.text}


def _seen(item: Said) -> Iterator[dict[str, Any]]:
    yield {"type": "input_text", "text": item.text}
    for image in item.images:
        yield {"type": "input_image", "image_url": image.uri, "detail": "auto"}


def read_answer(response: Any) -> Answer:
    """Read a response.

    Raises:
        Garbled: it failed for a passing reason, or cannot be read.
        Unfinished: it failed for good.
    """
    if not isinstance(response, dict) or not isinstance(response.get("output"), list):
        raise Garbled("the model server's answer cannot be read")
    _require_success(response)
    messages = [item.get("content") for item in response["output"] if item.get("type") == "message"]
    refused = any(refuses(content) for content in messages)
    # A model may say what it is about to do in one message, and the answer in another.
    spoken = "\n\n".join(words for content in messages if (words := words_of(content).strip()))
    cut = response.get("status") == "incomplete"
    ending = Ending.CUT if cut else Ending.REFUSED if refused else Ending.COMPLETE
    return Answer(
        storable(spoken),
        usage_of(response),
        str(response.get("model") or ""),
        # What broke off in the middle of a call is no call.
        () if cut else tuple(_calls(response["output"])),
        tuple(item for item in response["output"] if item.get("encrypted_content")),
        ending,
    )


def _require_success(response: dict[str, Any]) -> None:
    status = response.get("status", "completed")
    error = response.get("error")
    code = error.get("code") if isinstance(error, dict) else error
    if isinstance(code, str) and code in _PASSING_FAILURES:
        raise Garbled(f"the model failed: {code}")
    reason = (response.get("incomplete_details") or {}).get("reason") or code or status
    if status == "incomplete" and reason == "max_output_tokens":
        return
    if status != "completed":
        raise Unfinished(f"the model did not finish: {reason}")


def _calls(output: list[dict[str, Any]]) -> Iterator[ToolCall]:
    for item in output:
        if item.get("type") == "function_call":
            yield ToolCall(
                str(item["call_id"]), str(item["name"]), arguments_of(item.get("arguments"))
            )


def usage_of(response: dict[str, Any]) -> Usage:
    """Read usage; compatible servers leave out parts of it, or all."""
    found = response.get("usage") or {}
    details = found.get("input_tokens_details") or {}
    return Usage(
        found.get("input_tokens") or 0,
        details.get("cached_tokens") or 0,
        found.get("output_tokens") or 0,
    )
