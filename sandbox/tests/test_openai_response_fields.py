"""Responses, field by field: what the real OpenAI refuses, and what it takes.

Sources: the parameter types of its Python SDK, and answers of the real API that others wrote down.
"""

from __future__ import annotations

from typing import Any

import pytest

USER: dict[str, Any] = {"role": "user", "content": "hi"}
CALL: dict[str, Any] = {
    "type": "function_call",
    "call_id": "call_1",
    "name": "f",
    "arguments": "{}",
}
OUTPUT: dict[str, Any] = {"type": "function_call_output", "call_id": "call_1", "output": "ok"}
FUNCTION: dict[str, Any] = {"name": "f", "parameters": {"type": "object", "properties": {}}}
FLAT: dict[str, Any] = {"type": "function", **FUNCTION}
BODY: dict[str, Any] = {"model": "gpt-5.4-mini", "input": "hi"}


def of_schema(parameters: Any) -> dict[str, Any]:
    return {"tools": [{**FLAT, "parameters": parameters}]}


def with_property(schema: Any) -> dict[str, Any]:
    return of_schema({"type": "object", "properties": {"a": schema}})


def said(**fields: Any) -> dict[str, Any]:
    return {"input": [{**USER, **fields}]}


def called(**fields: Any) -> dict[str, Any]:
    return {"input": [USER, {**CALL, **fields}, OUTPUT]}


def chosen(**choice: Any) -> dict[str, Any]:
    return {"tools": [FLAT], "tool_choice": choice}


RESPONSES: list[tuple[dict[str, Any], str | None, str | None]] = [
    ({"response_format": {"type": "text"}}, "unsupported_parameter", None),
    ({"service_tier": "bogus"}, "invalid_value", "service_tier"),
    ({"moderation": {}}, "missing_required_parameter", "moderation.model"),
    ({"prompt_cache_options": {"size": 1}}, "unknown_parameter", "prompt_cache_options.size"),
    (
        {"stream": True, "stream_options": {"include_usage": True}},
        "unknown_parameter",
        "stream_options.include_usage",
    ),
    ({"metadata": {"a": None}}, "invalid_type", "metadata.a"),
    ({"metadata": {"a": "x" * 513}}, "string_above_max_length", "metadata.a"),
    ({"metadata": {"a" * 65: "x"}}, "property_name_above_max_length", "metadata." + "a" * 65),
    ({"reasoning": {"depth": 1}}, "unknown_parameter", "reasoning.depth"),
    ({"text": {"format": None}}, "invalid_type", "text.format"),
    (
        {"text": {"format": {"type": "json_schema", "name": "n", "schema": None}}},
        "invalid_type",
        "text.format.schema",
    ),
    ({"input": [None]}, "invalid_type", "input[0]"),
    ({"input": [{}]}, "invalid_value", "input[0]"),
    ({"input": [{"type": 5, **USER}]}, "invalid_value", "input[0]"),
    (said(content=None), "invalid_type", "input[0].content"),
    (said(content=[{"text": "x"}]), "missing_required_parameter", "input[0].content[0].type"),
    (said(content=[{"type": "output_text", "text": "x"}]), "invalid_value", "input[0].content[0]"),
    (said(status="done"), "invalid_value", "input[0].status"),
    (said(phase="final_answer"), "unknown_parameter", "input[0].phase"),
    (said(id=None), "invalid_type", "input[0].id"),
    (
        said(content=[{"type": "input_image", "image_url": "https://x", "detail": None}]),
        "invalid_type",
        "input[0].content[0].detail",
    ),
    (
        said(content=[{"type": "input_file", "file_url": 5}]),
        "invalid_type",
        "input[0].content[0].file_url",
    ),
    (called(id=None), "invalid_type", "input[1].id"),
    (called(arguments={}), "invalid_type", "input[1].arguments"),
    (called(arguments=None), "invalid_type", "input[1].arguments"),
    (called(status=None), "invalid_type", "input[1].status"),
    ({"input": [USER, CALL, {**OUTPUT, "output": None}]}, "invalid_type", "input[2].output"),
    (
        {"input": [USER, CALL, {**OUTPUT, "output": [{"type": "text"}]}]},
        "invalid_value",
        "input[2].output[0].type",
    ),
    ({"input": [OUTPUT, CALL]}, None, "input"),
    ({"tools": [None]}, "invalid_type", "tools[0]"),
    ({"tools": [{}]}, "missing_required_parameter", "tools[0].type"),
    ({"tools": [{**FLAT, "name": ""}]}, "empty_string", "tools[0].name"),
    ({"tools": [{**FLAT, "name": "f" * 65}]}, "string_above_max_length", "tools[0].name"),
    ({"tools": [{**FLAT, "strict": "yes"}]}, "invalid_type", "tools[0].strict"),
    ({"tools": [{**FLAT, "returns": {}}]}, "unknown_parameter", "tools[0].returns"),
    ({"tools": [FLAT] * 129}, "array_above_max_length", "tools"),
    (chosen(type="function"), "missing_required_parameter", "tool_choice.name"),
    (chosen(type="function", name="f", x=1), "unknown_parameter", "tool_choice.x"),
    (chosen(name="f"), "missing_required_parameter", "tool_choice.type"),
    (chosen(type="allowed_tools", mode="none", tools=[]), "invalid_value", "tool_choice.mode"),
    (
        chosen(type="allowed_tools", mode="auto"),
        "missing_required_parameter",
        "tool_choice.tools",
    ),
]
SCHEMAS: list[tuple[Any, str]] = [
    (of_schema([]), "expected an object"),
    (of_schema({"type": "object"}), "In context=(), object schema missing properties."),
    (of_schema({"type": "object", "properties": None}), "None is not of type 'object'."),
    (
        of_schema({"type": "object", "properties": {}, "required": None}),
        "Invalid schema for function 'f': None is not of type 'array'.",
    ),
    (with_property("text"), "'text' is not of type 'object', 'boolean'."),
    (with_property({"type": "str"}), "'str' is not valid under any of the given schemas."),
    (with_property({"type": "string", "enum": "a"}), "'a' is not of type 'array'."),
    (with_property({"type": "string", "required": True}), "True is not of type 'array'."),
    (
        with_property({"type": "array"}),
        "In context=('properties', 'a'), array schema missing items.",
    ),
    (
        with_property({"type": "array", "items": {"type": "array"}}),
        "In context=('properties', 'a', 'items'), array schema missing items.",
    ),
]


@pytest.mark.parametrize(("change", "code", "param"), RESPONSES)
async def test_responses_refuses(
    post: Any, change: dict[str, Any], code: str | None, param: str | None
) -> None:
    status, answer = await post("/responses", {**BODY, **change})

    assert status == 400, answer
    assert (answer["error"]["code"], answer["error"]["param"]) == (code, param)


@pytest.mark.parametrize(("change", "complaint"), SCHEMAS)
@pytest.mark.parametrize("strict", [True, False])
async def test_what_is_no_schema_is_refused_in_either_mode(
    post: Any, change: dict[str, Any], complaint: str, *, strict: bool
) -> None:
    [tool] = change["tools"]
    body = {**BODY, "tools": [{**tool, "strict": strict}]}
    status, answer = await post("/responses", body)

    assert status == 400, answer
    assert complaint in answer["error"]["message"]


@pytest.mark.parametrize("name", ["model", "input"])
async def test_what_is_missing_is_told_before_what_is_unknown(post: Any, name: str) -> None:
    body = {**BODY, "bogus": 1}
    del body[name]
    _, answer = await post("/responses", body)

    assert answer["error"]["param"] == name


@pytest.mark.parametrize(
    "change",
    [
        {"input": [{"id": "msg_1"}]},
        {"input": [{"type": "item_reference", "id": "rs_1"}]},
        {"conversation": "conv_1"},
        {"prompt": {"id": "pmpt_1"}},
    ],
)
async def test_what_nobody_keeps_is_not_found(post: Any, change: dict[str, Any]) -> None:
    status, answer = await post("/responses", {**BODY, **change})

    assert status == 404, answer
    assert "not found" in answer["error"]["message"]


@pytest.mark.parametrize(
    "change",
    [
        {"tools": []},
        {"tools": [{**FLAT, "parameters": None, "strict": None, "description": None}]},
        {"tools": [{**FLAT, "parameters": {}}]},
        {"tools": [{**FLAT, "defer_loading": False, "output_schema": None}]},
        with_property({"type": ["array", "null"], "items": {}}),
        with_property(True),
        chosen(type="allowed_tools", mode="auto", tools=[{"type": "function", "name": "f"}]),
        {"reasoning": {"effort": "max", "summary": None, "context": "auto"}},
        {"service_tier": "fast"},
        {"stream_options": None},
        {"prompt_cache_options": {"mode": "explicit", "ttl": "30m"}},
        {"metadata": {"a" * 64: "x" * 512}},
        said(id="msg_x", status="completed"),
        said(content=[{"type": "input_text", "text": "", "prompt_cache_breakpoint": {}}]),
        said(role="assistant", phase="commentary"),
        called(namespace="n"),
        {"input": [USER, CALL, {**OUTPUT, "output": [{"type": "input_text", "text": "x"}]}]},
        {"input": [USER, CALL, {**OUTPUT, "id": None, "status": None}]},
        {"text": {"verbosity": None}},
    ],
)
async def test_responses_takes(post: Any, change: dict[str, Any]) -> None:
    status, answer = await post("/responses", {**BODY, **change})

    assert status == 200, answer


async def test_counting_takes_nulls_that_answering_refuses(post: Any) -> None:
    body = {**BODY, "tools": None, "text": None, "tool_choice": None}

    assert (await post("/responses/input_tokens", body))[0] == 200
    assert (await post("/responses/input_tokens", {**body, "truncation": None}))[0] == 400
