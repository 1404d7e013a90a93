"""The server-sent events of a streamed Responses answer, in their full sequence."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from sandbox.wire import Json

_PIECE = 16


def events(response: Json) -> Iterator[bytes]:
    """Yield every event of one answer, from created to its end.

    The sequence is complete because the SDK's stream helper refuses a delta whose item and
    part were never announced.
    """
    for number, event in enumerate(_sequence(response)):
        event["sequence_number"] = number
        yield b"event: " + event["type"].encode() + b"\ndata: " + orjson.dumps(event) + b"\n\n"


def _sequence(response: Json) -> Iterator[Json]:
    empty: Json = {"output": [], "usage": None, "completed_at": None}
    begun = response | {"status": "in_progress", **empty}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(response["output"]):
        if item["type"] == "message":
            yield from _message(item, index)
        else:
            yield from _call(item, index)
    end = response["status"]
    yield {"type": f"response.{end}", "response": response}


def _message(item: Json, index: int) -> Iterator[Json]:
    begun = item | {"status": "in_progress", "content": []}
    yield {"type": "response.output_item.added", "output_index": index, "item": begun}
    part = item["content"][0]
    field = "refusal" if part["type"] == "refusal" else "text"
    name = "refusal" if field == "refusal" else "output_text"
    place = {"item_id": item["id"], "output_index": index, "content_index": 0}
    yield {"type": "response.content_part.added", **place, "part": part | {field: ""}}
    logs: Json = {} if field == "refusal" else {"logprobs": []}
    for piece in _pieces(part[field]):
        yield {"type": f"response.{name}.delta", **place, "delta": piece, **logs}
    yield {"type": f"response.{name}.done", **place, field: part[field], **logs}
    yield {"type": "response.content_part.done", **place, "part": part}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _call(item: Json, index: int) -> Iterator[Json]:
    begun = item | {"status": "in_progress", "arguments": ""}
    yield {"type": "response.output_item.added", "output_index": index, "item": begun}
    place = {"item_id": item["id"], "output_index": index}
    name = "response.function_call_arguments"
    for piece in _pieces(item["arguments"]):
        yield {"type": f"{name}.delta", **place, "delta": piece}
    yield {"type": f"{name}.done", **place, "arguments": item["arguments"], "name": item["name"]}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, len(text), _PIECE):
        yield text[start : start + _PIECE]
