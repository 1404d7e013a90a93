"""Chat Completions: what the real OpenAI refuses is refused here, with its own words."""

from __future__ import annotations

from typing import Any

import pytest

USER: dict[str, Any] = {"role": "user", "content": "hi"}
OPEN = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
FLAT = {"type": "function", "name": "f", "parameters": OPEN}
ASSISTANT: dict[str, Any] = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    ],
}
TOOL: dict[str, Any] = {"role": "tool", "tool_call_id": "call_1", "content": "ok"}
NESTED: dict[str, Any] = {"type": "function", "function": {"name": "f"}}
CHAT: list[tuple[dict[str, Any], str | None, str | None]] = [
    ({"input": "x"}, "unknown_parameter", "input"),
    ({"messages": None}, "invalid_type", "messages"),
    ({"messages": []}, "empty_array", "messages"),
    ({"messages": [{"role": "bot", "content": "x"}]}, "invalid_value", "messages[0].role"),
    ({"messages": [{"role": "user", "content": None}]}, None, "messages.[0].content"),
    ({"messages": [USER, TOOL]}, None, "messages.[1].role"),
    ({"messages": [USER, ASSISTANT]}, None, "messages"),
    ({"messages": [USER, ASSISTANT, USER, TOOL]}, None, "messages"),
    (
        {"messages": [{"role": "user", "content": [{"type": "input_text", "text": "x"}]}]},
        "invalid_value",
        "messages[0].content[0].type",
    ),
    ({"max_tokens": 5}, "unsupported_parameter", "max_tokens"),
    ({"n": 2}, "integer_above_max_value", "n"),
    ({"tool_choice": "auto"}, None, "tool_choice"),
    ({"parallel_tool_calls": False}, None, "parallel_tool_calls"),
    ({"tools": [FLAT]}, "missing_required_parameter", "tools[0].function"),
    (
        {"tools": [NESTED], "tool_choice": {"type": "function", "name": "f"}},
        "missing_required_parameter",
        "tool_choice.function",
    ),
    ({"response_format": {"type": "json_object"}}, None, "response_format"),
    (
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "n", "strict": True, "schema": OPEN},
            }
        },
        "invalid_json_schema",
        "response_format.json_schema.schema",
    ),
    ({"user": 5}, "invalid_type", "user"),
    ({"seed": "x"}, "invalid_type", "seed"),
    ({"stop": []}, "empty_array", "stop"),
    ({"stop": [5]}, "invalid_type", "stop[0]"),
    ({"stop": list("abcde")}, "array_above_max_length", "stop"),
    ({"stop": 5}, "invalid_type", "stop"),
    ({"logit_bias": {"1": None}}, "invalid_type", "logit_bias.1"),
    ({"logit_bias": {"1": 101}}, "integer_above_max_value", "1"),
    ({"top_logprobs": 21}, "integer_above_max_value", "top_logprobs"),
    ({"messages": [{**USER, "name": 5}]}, "invalid_type", "messages[0].name"),
    (
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "image_url",
                            "image_url": {"url": "https://x.example", "detail": "x"},
                        }
                    ],
                }
            ]
        },
        "invalid_value",
        "messages[0].content[0].image_url.detail",
    ),
]


@pytest.mark.parametrize(("change", "code", "param"), CHAT)
async def test_chat_refuses(
    post: Any, change: dict[str, Any], code: str | None, param: str | None
) -> None:
    body = {"model": "gpt-5.4-mini", "messages": [USER], **change}
    status, answer = await post("/chat/completions", body)

    assert status == 400, answer
    assert (answer["error"]["code"], answer["error"]["param"]) == (code, param)


async def test_an_older_model_still_takes_max_tokens(post: Any) -> None:
    body = {"model": "gpt-4o-mini", "messages": [USER], "max_tokens": 5}
    status, answer = await post("/chat/completions", body)

    assert status == 200, answer
