"""POST /responses and /responses/input_tokens: the stateless flavour of the Responses API."""

from __future__ import annotations

from typing import Any

from sandbox.openai.brain import Answer
from sandbox.openai.checks import bounded, chosen, needed, only, typed
from sandbox.openai.conversation import Conversation
from sandbox.openai.errors import context_length
from sandbox.openai.formats import text_format
from sandbox.openai.response_input import InputReader
from sandbox.openai.response_options import (
    check_names,
    check_options,
    check_reasoning,
    refuse_state,
)
from sandbox.openai.response_stream import events
from sandbox.openai.service import Ask
from sandbox.openai.tokens import count_json
from sandbox.openai.tools import flat_tools, tool_choice
from sandbox.wire import Json, Reply, StreamReply, json_reply

_COUNT_FIELDS = (
    "conversation",
    "input",
    "instructions",
    "model",
    "parallel_tool_calls",
    "personality",
    "previous_response_id",
    "reasoning",
    "text",
    "tool_choice",
    "tools",
    "truncation",
)
_LEAST_OUTPUT = 16


async def create(ask: Ask) -> Reply | StreamReply:
    """Answer one request; a stream is told event by event."""
    body = ask.body
    conversation = check(body, ask)
    ask.spend(conversation)
    await ask.openai.think()
    answer = ask.openai.brain.answer(conversation)
    response = _response(ask, conversation, answer)
    ask.openai.record(ask, conversation.model, answer.row(), response["usage"])
    if body.get("stream"):
        return StreamReply(events(response))
    return json_reply(200, response)


async def count_input(ask: Ask) -> Reply:
    """Count the input tokens of a request."""
    only(ask.body, _COUNT_FIELDS)
    chosen(ask.body, "truncation", ("auto", "disabled"))
    typed(ask.body, "personality", "string")
    # Here a null counts as absent, unlike where the same fields make a response.
    body = {name: value for name, value in ask.body.items() if value is not None}
    typed(body, "model", "string")
    check_reasoning(body)
    refuse_state(body)
    conversation = _read(body)
    return json_reply(200, {"object": "response.input_tokens", "input_tokens": conversation.tokens})


def check(body: Json, ask: Ask) -> Conversation:
    """Check a whole request.

    Raises:
        ApiError: for the first thing that the real API would refuse.
    """
    check_names(body)
    model = ask.openai.catalog.find(needed(body, "model", "string"), "chat")
    check_options(body)
    refuse_state(body)
    conversation = _read(body)
    conversation.max_output = bounded(
        body, "max_output_tokens", "integer", _LEAST_OUTPUT, model.context_window
    )
    if conversation.tokens > model.context_window:
        raise context_length(model.context_window, conversation.tokens, "input")
    return conversation


def _read(body: Json) -> Conversation:
    conversation = Conversation(str(body.get("model", "")))
    instructions = typed(body, "instructions", "string", nullable=True)
    conversation.tools = flat_tools(body)
    conversation.choice = tool_choice(body, conversation.tools, nested=False)
    parallel = typed(body, "parallel_tool_calls", "boolean", nullable=True)
    conversation.parallel = parallel is not False
    conversation.tokens += count_json(body.get("tools"))
    reader = InputReader(conversation)
    if instructions:
        conversation.said("system", instructions)
        conversation.tokens += count_json(instructions)
    told = len(conversation.texts)
    reader.read(body)
    # The word that JSON mode asks for counts in the input alone, not in the instructions.
    wanted = text_format(body, "\n".join(conversation.texts[told:]))
    conversation.schema, conversation.json_mode = wanted.schema, wanted.json_mode
    conversation.tokens += count_json(wanted.schema)
    return conversation


def _response(ask: Ask, conversation: Conversation, answer: Answer) -> Json:
    body = ask.body
    now = int(ask.openai.now())
    status, error = _status(answer)
    reasoning = body.get("reasoning") or {}
    text = body.get("text") or {}
    return {
        "id": f"resp_{ask.openai.ids.hexadecimal(192)}",
        "object": "response",
        "created_at": now,
        "status": status,
        "background": False,
        "completed_at": now if status == "completed" else None,
        "error": error,
        "incomplete_details": {"reason": answer.incomplete} if answer.incomplete else None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "max_tool_calls": body.get("max_tool_calls"),
        "model": conversation.model,
        "output": [] if answer.failed else _output(ask, answer),
        "parallel_tool_calls": conversation.parallel,
        "previous_response_id": None,
        "prompt_cache_key": body.get("prompt_cache_key"),
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "safety_identifier": body.get("safety_identifier"),
        "service_tier": "default",
        "store": body.get("store", True),
        "temperature": _or(body.get("temperature"), 1.0),
        "text": {"format": text.get("format") or {"type": "text"}, "verbosity": "medium"},
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": [_shown_tool(tool) for tool in body.get("tools") or ()],
        "top_logprobs": 0,
        "top_p": _or(body.get("top_p"), 1.0),
        "truncation": body.get("truncation") or "disabled",
        "usage": _usage(ask, conversation, answer),
        "user": body.get("user"),
        "metadata": body.get("metadata") or {},
    }


def _status(answer: Answer) -> tuple[str, Json | None]:
    if answer.failed:
        return "failed", {"code": answer.failed, "message": "The response failed."}
    return "incomplete" if answer.incomplete else "completed", None


def _output(ask: Ask, answer: Answer) -> list[Json]:
    ids = ask.openai.ids
    cut = "incomplete" if answer.incomplete else "completed"
    items = _thoughts(ask)
    part: Json | None = None
    if answer.refusal is not None:
        part = {"type": "refusal", "refusal": answer.refusal}
    elif answer.text is not None:
        part = {"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}
    if part is not None:
        identity = f"msg_{ids.hexadecimal(192)}"
        items.append(
            {
                "id": identity,
                "type": "message",
                "status": cut,
                "role": "assistant",
                "content": [part],
            }
        )
    items += [
        {
            "id": f"fc_{ids.hexadecimal(192)}",
            "type": "function_call",
            "status": cut,
            "call_id": call.call_id,
            "name": call.name,
            "arguments": call.arguments,
        }
        for call in answer.tool_calls
    ]
    return items


def _thoughts(ask: Ask) -> list[Json]:
    """Give what a model that was told to reason hands back, sealed where that was asked for."""
    effort = (ask.body.get("reasoning") or {}).get("effort")
    if effort in {None, "none"}:
        return []
    identity = f"rs_{ask.openai.ids.hexadecimal(192)}"
    item: Json = {"id": identity, "type": "reasoning", "summary": []}
    if "reasoning.encrypted_content" in (ask.body.get("include") or ()):
        item["encrypted_content"] = f"sealed-{identity}"
    return [item]


def _usage(ask: Ask, conversation: Conversation, answer: Answer) -> Json:
    read, hit, written = ask.usage_details(conversation, answer)
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": hit, "cache_write_tokens": 0},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": read + written,
    }


def _shown_tool(tool: Json) -> Json:
    return {"description": None, "strict": True, **tool}


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value
