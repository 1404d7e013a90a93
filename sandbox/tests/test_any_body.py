"""Whatever a caller sends, a stand-in answers; it never falls over."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

ANA = "5511988880001"
CLOSED = {
    "type": "object",
    "properties": {"a": {"type": "array", "items": {"type": "string"}}},
    "required": ["a"],
    "additionalProperties": False,
    "$defs": {"X": {"type": "string"}},
}
FLAT = {"type": "function", "name": "f", "parameters": CLOSED, "strict": True}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"}
IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,aGk="}
EVOLUTION: dict[str, dict[str, Any]] = {
    "/webhook/set/loja": {
        "webhook": {"enabled": True, "url": "http://g", "events": [], "headers": {"a": "b"}}
    },
    "/instance/create": {
        "instanceName": "x",
        "integration": "EVOLUTION",
        "token": "t",
        "webhook": {"url": "http://g", "events": ["CALL"], "headers": {"a": "b"}},
    },
    "/message/sendText/loja": {
        "number": ANA,
        "text": "x",
        "delay": 1,
        "quoted": {"key": {"id": "x"}},
        "mentioned": [ANA],
    },
    "/message/sendMedia/loja": {
        "number": ANA,
        "mediatype": "image",
        "media": "aGk=",
        "mimetype": "image/png",
        "caption": "c",
    },
    "/message/sendReaction/loja": {
        "key": {"remoteJid": ANA, "fromMe": True, "id": "x"},
        "reaction": "👍",
    },
    "/message/sendContact/loja": {
        "number": ANA,
        "contact": [{"fullName": "B", "phoneNumber": ANA}],
    },
    "/message/sendButtons/loja": {
        "number": ANA,
        "title": "t",
        "buttons": [{"type": "reply", "displayText": "Y", "id": "y"}],
    },
    "/message/sendPoll/loja": {
        "number": ANA,
        "name": "q",
        "selectableCount": 1,
        "values": ["a", "b"],
    },
    "/chat/markMessageAsRead/loja": {
        "readMessages": [{"remoteJid": ANA, "fromMe": False, "id": "x"}]
    },
    "/chat/whatsappNumbers/loja": {"numbers": [ANA]},
    "/chat/updateMessage/loja": {
        "number": ANA,
        "text": "x",
        "key": {"remoteJid": ANA, "fromMe": True, "id": "x"},
    },
    "/chat/getBase64FromMediaMessage/loja": {"message": {"key": {"id": "x"}}},
    "/chat/findMessages/loja": {
        "where": {
            "key": {"remoteJid": ANA, "id": "x", "fromMe": True},
            "messageTimestamp": {"gte": "2026-01-01T00:00:00Z", "lte": "2026-01-02T00:00:00Z"},
        },
        "page": 1,
        "offset": 5,
    },
    "/chat/findStatusMessage/loja": {"where": {"id": "x"}},
    "/chat/findContacts/loja": {"where": {"remoteJid": "x"}},
}
OPENAI: dict[str, dict[str, Any]] = {
    "/responses": {
        "model": "gpt-5.4-mini",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "x"}, IMAGE]},
            CALL,
            {"type": "function_call_output", "call_id": "c", "output": "x"},
        ],
        "tools": [FLAT],
        "tool_choice": {"type": "function", "name": "f"},
        "text": {"format": {"type": "json_schema", "name": "n", "schema": CLOSED, "strict": True}},
        "reasoning": {"effort": "low"},
        "metadata": {"a": "b"},
        "include": ["reasoning.encrypted_content"],
    },
    "/chat/completions": {
        "model": "gpt-5.4-mini",
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "x"}]},
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
                ],
            },
            {"role": "tool", "tool_call_id": "c", "content": "x"},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": CLOSED}}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": CLOSED, "strict": True},
        },
    },
    "/moderations": {"input": [{"type": "image_url", "image_url": {"url": "http://x"}}]},
}
ODDITIES: tuple[Any, ...] = (None, True, -1, 1.5, "", "x", [], [None], ["x"], {}, {"x": None})


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place inside a JSON value."""
    if path:
        yield path
    items: Any = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for name, part in items:
        yield from places(part, (*path, name))


def changed(body: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """A copy with one place replaced."""
    other = copy.deepcopy(body)
    holder: Any = other
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    return other


def variants(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Every place replaced by every oddity, in an order that never changes."""
    found = [changed(body, path, oddity) for path in places(body) for oddity in ODDITIES]
    random.Random(7).shuffle(found)
    return found[:400]


@pytest.mark.parametrize("path", EVOLUTION)
async def test_evolution_answers_any_body(
    evolution: httpx2.AsyncClient, door: httpx2.AsyncClient, loja: str, path: str
) -> None:
    for body in variants(EVOLUTION[path]):
        answer = await evolution.post(path, json=body)
        assert answer.status_code in {200, 201, 400, 403, 500}, body
        assert answer.json() is not None, body


@pytest.mark.parametrize("path", OPENAI)
async def test_openai_answers_any_body(anonymous: httpx2.AsyncClient, path: str) -> None:
    key = {"authorization": "Bearer sk-test"}
    for body in variants(OPENAI[path]):
        answer = await anonymous.post(f"/openai/v1{path}", json=body, headers=key)
        assert answer.status_code in {200, 400, 404}, body
