"""Requests that the real OpenAI refuses are refused here, with its own words."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

KEY = {"authorization": "Bearer sk-test"}
USER: dict[str, Any] = {"role": "user", "content": "hi"}
CALL: dict[str, Any] = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "call_1",
    "name": "f",
    "arguments": "{}",
}
OUTPUT: dict[str, Any] = {"type": "function_call_output", "call_id": "call_1", "output": "ok"}
OPEN = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
CLOSED = {**OPEN, "additionalProperties": False}


def tool(**fields: Any) -> dict[str, Any]:
    return {"type": "function", "name": "f", "parameters": CLOSED, "strict": True, **fields}


def strict_tool(parameters: dict[str, Any]) -> dict[str, Any]:
    return {"tools": [tool(parameters=parameters)]}


THOUGHT: dict[str, Any] = {"type": "reasoning", "summary": []}
RESPONSES: list[tuple[dict[str, Any], str | None, str | None]] = [
    ({"temprature": 1}, "unknown_parameter", "temprature"),
    ({"messages": []}, "unsupported_parameter", None),
    ({"max_tokens": 5}, "unknown_parameter", "max_tokens"),
    ({"input": None}, "invalid_type", "input"),
    ({"input": ""}, "missing_required_parameter", None),
    ({"input": []}, "missing_required_parameter", None),
    ({"input": 5}, "invalid_type", "input"),
    ({"input": [{"role": "bot", "content": "x"}]}, "invalid_value", "input[0]"),
    ({"input": [{**USER, "nme": "x"}]}, "unknown_parameter", "input[0].nme"),
    ({"input": [{"role": "tool", "content": "x"}]}, "invalid_value", "input[0]"),
    (
        {"input": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]},
        "invalid_value",
        "input[0].content[0].type",
    ),
    (
        {"input": [{"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}]},
        "invalid_value",
        "input[0].content[0]",
    ),
    (
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x.png"}]}]},
        "invalid_value",
        "input[0].content[0].image_url",
    ),
    ({"input": [USER, CALL]}, None, "input"),
    ({"input": [USER, OUTPUT]}, None, "input"),
    ({"input": [USER, {**CALL, "id": "call_1"}, OUTPUT]}, "invalid_value", "input[1].id"),
    (
        {"input": [USER, CALL, {**CALL, "call_id": "call_2"}, OUTPUT]},
        None,
        "input",
    ),
    ({"input": [{"type": "wish"}]}, "invalid_value", "input[0]"),
    ({"max_output_tokens": 5}, "integer_below_min_value", "max_output_tokens"),
    ({"max_output_tokens": "5"}, "invalid_type", "max_output_tokens"),
    ({"temperature": 3}, "decimal_above_max_value", "temperature"),
    ({"store": "no"}, "invalid_type", "store"),
    ({"include": ["everything"]}, "invalid_value", "include[0]"),
    ({"truncation": "maybe"}, "invalid_value", "truncation"),
    ({"metadata": {"a": 1}}, "invalid_type", "metadata.a"),
    ({"safety_identifier": "x" * 129}, "string_above_max_length", "safety_identifier"),
    ({"reasoning": {"effort": "lots"}}, "invalid_value", "reasoning.effort"),
    ({"previous_response_id": "resp_1"}, "previous_response_not_found", "previous_response_id"),
    (
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        "missing_required_parameter",
        "tools[0].name",
    ),
    ({"tools": [tool(name="bad name")]}, "invalid_value", "tools[0].name"),
    ({"tools": [{"type": "web_search"}]}, "invalid_value", "tools[0].type"),
    (strict_tool(OPEN), "invalid_function_parameters", "tools[0].parameters"),
    (
        strict_tool({**CLOSED, "required": []}),
        "invalid_function_parameters",
        "tools[0].parameters",
    ),
    (
        strict_tool(
            {**CLOSED, "properties": {"a": {**OPEN, "type": "object"}}},
        ),
        "invalid_function_parameters",
        "tools[0].parameters",
    ),
    (
        strict_tool({**CLOSED, "properties": {"a": {"type": "string", "default": "x"}}}),
        "invalid_function_parameters",
        "tools[0].parameters",
    ),
    (
        strict_tool({**CLOSED, "properties": {"a": {"$ref": "#/$defs/X", "description": "d"}}}),
        "invalid_function_parameters",
        "tools[0].parameters",
    ),
    (
        strict_tool({"type": "array", "items": {"type": "string"}}),
        "invalid_function_parameters",
        "tools[0].parameters",
    ),
    ({"tool_choice": "required"}, "invalid_value", "tool_choice"),
    (
        {"tools": [tool()], "tool_choice": {"type": "function", "name": "g"}},
        "invalid_value",
        "tool_choice",
    ),
    (
        {"instructions": "in json", "text": {"format": {"type": "json_object"}}},
        None,
        "text.format",
    ),
    (
        {"text": {"format": {"type": "json_schema", "name": "n", "strict": True, "schema": OPEN}}},
        "invalid_json_schema",
        "text.format.schema",
    ),
    (
        {"text": {"format": {"type": "json_schema", "schema": CLOSED}}},
        "missing_required_parameter",
        "text.format.name",
    ),
    ({"stream_options": {}}, None, "stream_options"),
    ({"user": 5}, "invalid_type", "user"),
    ({"include": [None]}, "invalid_type", "include[0]"),
    ({"reasoning": {"summary": "long"}}, "invalid_value", "reasoning.summary"),
    ({"input": [THOUGHT]}, "missing_required_parameter", "input[0].id"),
    (
        {"input": [{**THOUGHT, "id": "rs_1", "encrypted_content": 5}]},
        "invalid_type",
        "input[0].encrypted_content",
    ),
    (
        {"input": [{**THOUGHT, "id": "rs_1", "summary": ["x"]}]},
        "invalid_type",
        "input[0].summary[0]",
    ),
]


@pytest.mark.parametrize(("change", "code", "param"), RESPONSES)
async def test_responses_refuses(
    post: Any, change: dict[str, Any], code: str | None, param: str | None
) -> None:
    body = {"model": "gpt-5.4-mini", "input": "hi", **change}
    status, answer = await post("/responses", body)

    assert status == 400, answer
    assert set(answer["error"]) == {"message", "type", "param", "code"}
    assert answer["error"]["type"] == "invalid_request_error"
    assert (answer["error"]["code"], answer["error"]["param"]) == (code, param)


@pytest.mark.parametrize(
    "change",
    [
        {"input": [USER, CALL, OUTPUT]},
        {"input": [{"type": "message", **USER}, {"role": "developer", "content": "d"}]},
        {"input": [USER, {"type": "reasoning", "id": "rs_1", "summary": []}]},
        {"include": ["reasoning.encrypted_content"], "store": False},
        {"tools": [tool()], "tool_choice": "auto", "parallel_tool_calls": False},
        {"tools": [tool(parameters=OPEN, strict=False)]},
        {"tools": [tool(parameters={**CLOSED, "$defs": {"X": CLOSED}})]},
        {"text": {"format": {"type": "text"}}},
        {"input": "answer in json", "text": {"format": {"type": "json_object"}}},
        {"max_output_tokens": 16, "temperature": 0.2, "top_p": 1, "truncation": "auto"},
    ],
)
async def test_responses_accepts(post: Any, change: dict[str, Any]) -> None:
    status, answer = await post("/responses", {"model": "gpt-5.4-mini", "input": "hi", **change})

    assert status == 200, answer


async def test_keys_json_and_urls(anonymous: httpx2.AsyncClient) -> None:
    without = await anonymous.post("/openai/v1/responses", json={})
    wrong = await anonymous.post(
        "/openai/v1/responses", json={}, headers={"authorization": "Bearer pk-123456789"}
    )
    broken = await anonymous.post("/openai/v1/responses", content=b"{", headers=KEY)
    nowhere = await anonymous.post("/openai/v1/assistants", json={}, headers=KEY)

    assert without.status_code == 401
    assert wrong.json()["error"]["code"] == "invalid_api_key"
    assert "123456789" not in wrong.text
    assert (broken.status_code, nowhere.status_code) == (400, 404)
    assert all("x-request-id" in answer.headers for answer in (without, wrong, broken, nowhere))


@pytest.mark.parametrize(
    "rules",
    [
        [{"reply": {}}],
        [{"reply": {"txt": "x"}}],
        [{"match": {"contain": "x"}, "reply": {"text": "x"}}],
        [{"match": {"regex": "("}, "reply": {"text": "x"}}],
    ],
)
async def test_a_wrong_script_is_refused(door: httpx2.AsyncClient, rules: list[Any]) -> None:
    answer = await door.post("/openai/script", json=rules)

    assert answer.status_code == 422


async def test_a_model_told_to_reason_hands_its_thoughts_back_sealed(
    post: Any,
) -> None:
    body = {"model": "gpt-5.4-mini", "input": "hi", "reasoning": {"effort": "low"}}
    sealed = {**body, "include": ["reasoning.encrypted_content"]}

    _, plain = await post("/responses", body)
    _, answer = await post("/responses", sealed)

    assert "encrypted_content" not in plain["output"][0]
    [thought, said] = answer["output"]
    assert thought["encrypted_content"]
    items: list[Any] = [USER, thought, {"role": "assistant", "content": "x"}, USER]
    again = {**sealed, "input": items}
    assert (await post("/responses", again))[0] == 200
    assert said["type"] == "message"
