"""Which fields the real OpenAI takes a null for, by the parameter types of its Python SDK.

A field that is not Optional there is never null.
"""

from __future__ import annotations

from typing import Any

import pytest

USER: dict[str, Any] = {"role": "user", "content": "hi"}
BODIES: dict[str, dict[str, Any]] = {
    "/responses": {"model": "gpt-5.4-mini", "input": "hi"},
    "/chat/completions": {"model": "gpt-5.4-mini", "messages": [USER]},
}
NEVER_NULL = {
    "/responses": [
        *("model", "input", "text", "tools", "tool_choice", "user", "prompt_cache_options"),
        *("access_programs", "background_options", "image"),
    ],
    "/chat/completions": [
        *("messages", "tools", "tool_choice", "user", "prompt_cache_options"),
        *("parallel_tool_calls", "response_format", "web_search_options", "max_tokens"),
    ],
}
MAYBE_NULL = {
    "/responses": [
        *("background", "context_management", "conversation", "include", "instructions"),
        *("max_output_tokens", "max_tool_calls", "metadata", "moderation", "parallel_tool_calls"),
        *("previous_response_id", "prompt", "prompt_cache_key", "prompt_cache_retention"),
        *("reasoning", "safety_identifier", "service_tier", "store", "stream", "stream_options"),
        *("temperature", "top_logprobs", "top_p", "truncation"),
    ],
    "/chat/completions": [
        *("audio", "frequency_penalty", "logit_bias", "logprobs", "max_completion_tokens"),
        *("metadata", "modalities", "moderation", "n", "prediction", "presence_penalty"),
        *("prompt_cache_key", "prompt_cache_retention", "reasoning_effort", "safety_identifier"),
        *("seed", "service_tier", "stop", "store", "stream", "stream_options", "temperature"),
        *("top_logprobs", "top_p", "verbosity"),
    ],
}


def pairs(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(path, name) for path, names in table.items() for name in names]


@pytest.mark.parametrize(("path", "name"), pairs(NEVER_NULL))
async def test_a_null_where_none_may_be_is_a_wrong_type(post: Any, path: str, name: str) -> None:
    status, answer = await post(path, {**BODIES[path], name: None})

    assert status == 400, answer
    assert (answer["error"]["code"], answer["error"]["param"]) == ("invalid_type", name)
    assert "null instead" in answer["error"]["message"]


@pytest.mark.parametrize("path", BODIES)
async def test_optional_fields_may_all_be_null(post: Any, path: str) -> None:
    status, answer = await post(path, {**BODIES[path], **dict.fromkeys(MAYBE_NULL[path])})

    assert status == 200, answer


@pytest.mark.parametrize(
    ("path", "name"),
    [*pairs(MAYBE_NULL), *pairs(NEVER_NULL)],
)
async def test_no_field_takes_a_value_of_any_type(post: Any, path: str, name: str) -> None:
    body = {**BODIES[path], "stream": True, name: [0.5]}
    status, answer = await post(path, body)

    assert status == 400, answer
    assert answer["error"]["type"] == "invalid_request_error"
