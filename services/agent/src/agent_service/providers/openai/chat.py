"""Chat Completions, for servers that speak only that: Ollama, vLLM, LiteLLM and others."""

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
from agent_service.providers.openai.pieces import arguments_of, words_of
from common.contracts import new_id

PATH = "/chat/completions"


def body_of(request: Request, model: str) -> dict[str, Any]:
    """Write a request; what people wrote is never a system role."""
    settings = request.agent.settings
    # OpenAI has renamed it and refuses the old name; Ollama knows only the old one.
    longest = "max_completion_tokens" if settings.base_url is None else "max_tokens"
    body: dict[str, Any] = {
        "model": model,
        "messages": [
            {"role": "system", "content": request.instructions},
            *(message for item in request.items for message in _messages(item)),
        ],
        longest: request.max_output_tokens,
    }
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        body["parallel_tool_calls"] = all(t.effect is Effect.READ for t in request.tools)
    if settings.temperature is not None:
        body["temperature"] = settings.temperature
    if settings.reasoning_effort is not None:
        body["reasoning_effort"] = settings.reasoning_effort
    return body


def _tool(tool: ToolSpec) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
            "strict": True,
        },
    }


def _messages(item: Item) -> Iterator[dict[str, Any]]:
    match item:
        case Said(images=()):
            yield {"role": item.role, "content": item.text}
        case Said():
            yield {"role": item.role, "content": [*_seen(item)]}
        case Called():
            yield {
                "role": "assistant",
                "content": item.answer.text or None,
                "tool_calls": [
                    {
                        "id": call.id,
                        "type": "function",
                        "function": {"name": call.name, "arguments": call.arguments},
                    }
                    for call in item.answer.calls
                ],
            }
        case Output():
            yield {"role": "tool", "tool_call_id": item.call_id, "content": item.text}


def _seen(item: Said) -> Iterator[dict[str, Any]]:
    yield {"type": "text", "text": item.text}
    for image in item.images:
        yield {"type": "image_url", "image_url": {"url": image.uri}}


def read_answer(completion: Any) -> Answer:
    """Read a completion.

    Raises:
        Garbled: it cannot be read.
        Unfinished: a filter cut it off.
    """
    choices = completion.get("choices") if isinstance(completion, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise Garbled("the model server's answer cannot be read")
    message, finish = choices[0].get("message") or {}, choices[0].get("finish_reason")
    if finish == "content_filter":
        raise Unfinished("the model did not finish: content_filter")
    if finish == "error":
        # So say routers whose server failed.
        raise Garbled("the model failed")
    refusal = message.get("refusal")
    cut = finish == "length"
    ending = Ending.CUT if cut else Ending.REFUSED if refusal else Ending.COMPLETE
    return Answer(
        storable(words_of(refusal or message.get("content"))).strip(),
        usage_of(completion),
        str(completion.get("model") or ""),
        () if cut else tuple(_calls(_asked_in(message))),
        (),
        ending,
    )


def _asked_in(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Find the calls, also the one that old servers write beside the text."""
    old = message.get("function_call")
    return message.get("tool_calls") or ([{"function": old}] if old else [])


def _calls(calls: list[dict[str, Any]]) -> Iterator[ToolCall]:
    for call in calls:
        function = call.get("function") or {}
        yield ToolCall(
            # Some servers leave the id out; one of an earlier answer would have the output of both.
            str(call.get("id") or new_id("call")),
            str(function.get("name") or ""),
            arguments_of(function.get("arguments")),
        )


def usage_of(completion: dict[str, Any]) -> Usage:
    """Read usage; compatible servers leave out parts of it, or all."""
    found = completion.get("usage") or {}
    details = found.get("prompt_tokens_details") or {}
    return Usage(
        found.get("prompt_tokens") or 0,
        details.get("cached_tokens") or 0,
        found.get("completion_tokens") or 0,
    )
