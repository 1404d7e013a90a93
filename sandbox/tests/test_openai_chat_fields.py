"""Chat Completions, field by field: what the real OpenAI refuses, and what it takes.

Sources: the parameter types of its Python SDK, and answers of the real API that others wrote down.
"""

from __future__ import annotations

from typing import Any

import pytest

USER: dict[str, Any] = {"role": "user", "content": "hi"}
FUNCTION: dict[str, Any] = {"name": "f", "parameters": {"type": "object", "properties": {}}}
NESTED: dict[str, Any] = {"type": "function", "function": FUNCTION}
ASKED: dict[str, Any] = {"id": "call_1", "type": "function", "function": {"name": "f"}}
BODY: dict[str, Any] = {"model": "gpt-5.4-mini", "messages": [USER]}


def answered(**fields: Any) -> dict[str, Any]:
    return {"messages": [USER, {"role": "assistant", **fields}]}


CHAT: list[tuple[dict[str, Any], str | None, str | None]] = [
    ({"model": None}, None, None),
    ({"tools": []}, "empty_array", "tools"),
    ({"tools": [{**NESTED, "function": {**FUNCTION, "description": None}}]}, "invalid_type", None),
    ({"tools": [{**NESTED, "function": {**FUNCTION, "parameters": None}}]}, "invalid_type", None),
    ({"tools": [{**NESTED, "strict": True}]}, "unknown_parameter", "tools[0].strict"),
    (
        {"tools": [NESTED], "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": []}},
        "missing_required_parameter",
        "tool_choice.allowed_tools",
    ),
    ({"logprobs": False, "top_logprobs": 1}, None, "top_logprobs"),
    ({"frequency_penalty": 3}, "decimal_above_max_value", "frequency_penalty"),
    ({"seed": 1.5}, "invalid_type", "seed"),
    ({"messages": [{"content": "x"}]}, "missing_required_parameter", "messages[0].role"),
    ({"messages": [{**USER, "name": None}]}, "invalid_type", "messages[0].name"),
    ({"messages": [{"role": "user", "content": 5}]}, "invalid_type", "messages[0].content"),
    ({"messages": [{"role": "developer"}]}, "missing_required_parameter", "messages[0].content"),
    (
        {"messages": [{"role": "developer", "content": None}]},
        "invalid_type",
        "messages[0].content",
    ),
    (
        {"messages": [{"role": "user", "content": [{"text": "x"}]}]},
        "missing_required_parameter",
        "messages[0].content[0].type",
    ),
    (answered(), None, "messages.[1].content"),
    (answered(refusal=None, tool_calls=None), None, "messages.[1].content"),
    (answered(content="x", tool_calls=[]), "empty_array", "messages[1].tool_calls"),
    (answered(content="x", tool_calls="x"), "invalid_type", "messages[1].tool_calls"),
    (
        answered(tool_calls=[{**ASKED, "type": None}]),
        "invalid_type",
        "messages[1].tool_calls[0].type",
    ),
    (
        answered(tool_calls=[ASKED]),
        "missing_required_parameter",
        "messages[1].tool_calls[0].function.arguments",
    ),
]


@pytest.mark.parametrize(("change", "code", "param"), CHAT)
async def test_chat_refuses(
    post: Any, change: dict[str, Any], code: str | None, param: str | None
) -> None:
    status, answer = await post("/chat/completions", {**BODY, **change})

    assert status == 400, answer
    assert answer["error"]["code"] == code
    assert param in {None, answer["error"]["param"]}


@pytest.mark.parametrize(
    "change",
    [
        {"messages": [{"role": "user", "content": []}]},
        answered(content="x", tool_calls=None, refusal=None),
        answered(refusal="no"),
        answered(audio={"id": "a"}),
        {"logprobs": True, "top_logprobs": 5},
        {"tools": [{**NESTED, "function": {**FUNCTION, "strict": None}}]},
        {"reasoning_effort": "max", "service_tier": "fast"},
    ],
)
async def test_chat_takes(post: Any, change: dict[str, Any]) -> None:
    status, answer = await post("/chat/completions", {**BODY, **change})

    assert status == 200, answer
