"""The server-sent events of a streamed Chat Completions answer."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from sandbox.wire import Json

_PIECE = 16


def chunks(completion: Json, *, usage: bool) -> Iterator[bytes]:
    """Yield the chunks of one answer and the closing ``[DONE]``.

    Args:
        completion: the whole answer.
        usage: whether a last chunk without choices carries the usage.
    """
    base = {name: completion[name] for name in ("id", "created", "model", "system_fingerprint")}
    base["object"] = "chat.completion.chunk"
    if usage:
        base["usage"] = None
    choice = completion["choices"][0]
    for delta in _deltas(choice["message"]):
        yield _event(base | {"choices": [_choice(delta, None)]})
    yield _event(base | {"choices": [_choice({}, choice["finish_reason"])]})
    if usage:
        yield _event(base | {"choices": [], "usage": completion["usage"]})
    yield b"data: [DONE]\n\n"


def _deltas(message: Json) -> Iterator[Json]:
    yield {"role": "assistant", "content": "" if message["content"] else None}
    for name in ("content", "refusal"):
        text = message[name] or ""
        for start in range(0, len(text), _PIECE):
            yield {name: text[start : start + _PIECE]}
    for index, call in enumerate(message.get("tool_calls", ())):
        opened = call | {"function": call["function"] | {"arguments": ""}}
        yield {"tool_calls": [{"index": index, **opened}]}
        arguments = call["function"]["arguments"]
        for start in range(0, len(arguments), _PIECE):
            piece = {"arguments": arguments[start : start + _PIECE]}
            yield {"tool_calls": [{"index": index, "function": piece}]}


def _choice(delta: Json, finish_reason: str | None) -> Json:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}


def _event(chunk: Json) -> bytes:
    return b"data: " + orjson.dumps(chunk) + b"\n\n"
