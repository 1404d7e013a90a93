"""POST /chat/completions, for the adapter that also serves compatible servers."""

from __future__ import annotations

from sandbox.openai.brain import Answer
from sandbox.openai.catalog import Model
from sandbox.openai.chat_input import MessageReader
from sandbox.openai.chat_stream import chunks
from sandbox.openai.checks import bounded, chosen, needed, only, texts, typed
from sandbox.openai.conversation import Conversation
from sandbox.openai.errors import context_length, invalid, missing, wrong_type
from sandbox.openai.formats import response_format
from sandbox.openai.options import EFFORTS, VERBOSITIES, check_common
from sandbox.openai.service import Ask
from sandbox.openai.tokens import count_json
from sandbox.openai.tools import nested_tools, tool_choice
from sandbox.wire import Json, Reply, StreamReply, json_reply

_FIELDS = (
    "messages",
    "model",
    "audio",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "metadata",
    "modalities",
    "moderation",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
)
_NEED_TOOLS = ("tool_choice", "parallel_tool_calls")
_MOST_STOPS = 4


async def create(ask: Ask) -> Reply | StreamReply:
    """Answer one request; a stream is told chunk by chunk."""
    body = ask.body
    conversation = check(body, ask)
    ask.spend(conversation)
    await ask.openai.think()
    answer = ask.openai.brain.answer(conversation)
    completion = _completion(ask, conversation, answer)
    ask.openai.record(ask, conversation.model, answer.row(), completion["usage"])
    if body.get("stream"):
        options = body.get("stream_options") or {}
        return StreamReply(chunks(completion, usage=bool(options.get("include_usage"))))
    return json_reply(200, completion)


def check(body: Json, ask: Ask) -> Conversation:
    """Check a whole request.

    Raises:
        ApiError: for the first thing that the real API would refuse.
    """
    if body.get("model") is None or body["model"] == "":
        raise invalid("you must provide a model parameter")
    if "messages" not in body:
        raise missing("messages")
    only(body, _FIELDS)
    model = ask.openai.catalog.find(needed(body, "model", "string"), "chat")
    _check_options(body)
    conversation = Conversation(model.name)
    conversation.tools = nested_tools(body)
    for name in _NEED_TOOLS:
        if body.get(name) is not None and not conversation.tools:
            message = f"'{name}' is only allowed when 'tools' are specified."
            raise invalid(f"Invalid value for '{name}': {message}", name)
    conversation.choice = tool_choice(body, conversation.tools, nested=True)
    conversation.parallel = typed(body, "parallel_tool_calls", "boolean") is not False
    MessageReader(conversation).read(body)
    wanted = response_format(body, conversation.prompt)
    conversation.schema, conversation.json_mode = wanted.schema, wanted.json_mode
    conversation.tokens += count_json(body.get("tools")) + count_json(wanted.schema)
    conversation.max_output = _max_output(body, model)
    if conversation.tokens > model.context_window:
        raise context_length(model.context_window, conversation.tokens, "messages")
    return conversation


def _max_output(body: Json, model: Model) -> int | None:
    if "max_tokens" in body and not model.legacy_max_tokens:
        if body["max_tokens"] is None:
            raise wrong_type("max_tokens", "an unsupported value", None)
        message = (
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead."
        )
        raise invalid(message, "max_tokens", "unsupported_parameter")
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        message = (
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not allowed."
        )
        raise invalid(message, "max_tokens")
    newer: int | None = bounded(body, "max_completion_tokens", "integer", 1, model.context_window)
    older: int | None = bounded(body, "max_tokens", "integer", 1, model.context_window)
    return older if newer is None else newer


def _check_options(body: Json) -> None:
    typed(body, "logprobs", "boolean", nullable=True)
    bounded(body, "frequency_penalty", "number", -2, 2)
    bounded(body, "presence_penalty", "number", -2, 2)
    chosen(body, "reasoning_effort", EFFORTS, nullable=True)
    chosen(body, "verbosity", VERBOSITIES, nullable=True)
    bounded(body, "n", "integer", 1, 1)
    typed(body, "seed", "integer", nullable=True)
    texts(body, "stop", _MOST_STOPS)
    for name in ("audio", "prediction"):
        typed(body, name, "object", nullable=True)
    typed(body, "web_search_options", "object")
    for index, name in enumerate(typed(body, "modalities", "array", nullable=True) or []):
        needed({f"modalities[{index}]": name}, f"modalities[{index}]", "string")
        chosen({f"modalities[{index}]": name}, f"modalities[{index}]", ("text", "audio"))
    for token in typed(body, "logit_bias", "object", nullable=True) or {}:
        needed(body["logit_bias"], token, "integer", "logit_bias.")
        bounded(body["logit_bias"], token, "integer", -100, 100)
    check_common(body, streaming=("include_usage", "include_obfuscation"))
    if body.get("top_logprobs") is not None and not body.get("logprobs"):
        message = "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled."
        raise invalid(message, "top_logprobs")


def _completion(ask: Ask, conversation: Conversation, answer: Answer) -> Json:
    choice = {
        "index": 0,
        "message": _message(answer),
        "logprobs": None,
        "finish_reason": _finish_reason(answer),
    }
    return {
        "id": f"chatcmpl-{ask.openai.ids.hexadecimal(116)}",
        "object": "chat.completion",
        "created": int(ask.openai.now()),
        "model": conversation.model,
        "choices": [choice],
        "usage": _usage(ask, conversation, answer),
        "service_tier": "default",
        "system_fingerprint": "fp_sandbox",
    }


def _message(answer: Answer) -> Json:
    message: Json = {
        "role": "assistant",
        "content": None if answer.refusal is not None else answer.text,
        "refusal": answer.refusal,
        "annotations": [],
    }
    if answer.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.call_id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in answer.tool_calls
        ]
    return message


def _usage(ask: Ask, conversation: Conversation, answer: Answer) -> Json:
    read, hit, written = ask.usage_details(conversation, answer)
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_tokens_details": {"cached_tokens": hit, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _finish_reason(answer: Answer) -> str:
    if answer.incomplete is not None:
        return "length" if answer.incomplete == "max_output_tokens" else "content_filter"
    return "tool_calls" if answer.tool_calls else "stop"
