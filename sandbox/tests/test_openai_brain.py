"""What the brain says: scripts, truncation, caching, the journal."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import pytest

MODEL = "gpt-5.4-mini"
SLOTS: dict[str, Any] = {
    "type": "object",
    "properties": {"day": {"type": "string", "format": "date"}},
    "required": ["day"],
    "additionalProperties": False,
}
FLAT: Any = {"type": "function", "name": "free_slots", "strict": True, "parameters": SLOTS}


async def script(door: httpx2.AsyncClient, *rules: dict[str, Any]) -> None:
    answer = await door.post("/openai/script", json=list(rules))
    assert answer.status_code == 200, answer.text


async def test_a_forced_tool_gets_arguments_that_fit(sdk: openai.AsyncOpenAI) -> None:
    choice: Any = {"type": "function", "name": "free_slots"}
    response = await sdk.responses.create(model=MODEL, input="x", tools=[FLAT], tool_choice=choice)

    [call] = response.output
    assert call.type == "function_call"
    assert call.arguments == '{"day":"2026-12-01"}'


async def test_parallel_calls_are_one_when_forbidden(
    sdk: openai.AsyncOpenAI, door: httpx2.AsyncClient
) -> None:
    calls = [{"name": "free_slots", "arguments": "{not json"}, {"name": "free_slots"}]
    await script(door, {"reply": {"tool_calls": calls}})

    two = await sdk.responses.create(model=MODEL, input="x", tools=[FLAT])
    one = await sdk.responses.create(
        model=MODEL, input="x", tools=[FLAT], parallel_tool_calls=False
    )
    none = await sdk.responses.create(model=MODEL, input="x", tools=[FLAT], tool_choice="none")

    assert (len(two.output), len(one.output)) == (2, 1)
    assert one.output[0].type == "function_call"
    assert one.output[0].arguments == "{not json"
    assert none.output_text == "You said: x"


async def test_refusal_truncation_and_failure(
    sdk: openai.AsyncOpenAI, door: httpx2.AsyncClient
) -> None:
    await script(
        door,
        {"match": {"contains": "refuse"}, "reply": {"refusal": "No."}},
        {"match": {"contains": "cut"}, "reply": {"incomplete": "max_output_tokens", "text": "par"}},
        {"match": {"contains": "fail"}, "reply": {"failed": "server_error"}},
        {"match": {"contains": "long"}, "reply": {"text": "x" * 500}},
    )

    refused = await sdk.responses.create(model=MODEL, input="refuse")
    cut = await sdk.responses.create(model=MODEL, input="cut")
    failed = await sdk.responses.create(model=MODEL, input="fail")
    long = await sdk.responses.create(model=MODEL, input="long", max_output_tokens=20)
    chat = await sdk.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "cut"}]
    )

    assert refused.output[0].type == "message"
    assert refused.output[0].content[0].type == "refusal"
    assert cut.status == "incomplete"
    assert cut.incomplete_details is not None
    assert cut.incomplete_details.reason == "max_output_tokens"
    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.error.code == "server_error"
    assert (long.status, len(long.output_text)) == ("incomplete", 80)
    assert chat.choices[0].finish_reason == "length"


async def test_rules_are_used_up_and_fall_through(
    sdk: openai.AsyncOpenAI, door: httpx2.AsyncClient
) -> None:
    await script(
        door,
        {"match": {"regex": "^h"}, "reply": {"text": "once"}, "times": 1},
        {"match": {"last_user": "hi"}, "reply": {"text": "twice"}, "times": 1},
    )
    said = [(await sdk.responses.create(model=MODEL, input="hi")).output_text for _ in range(3)]

    assert said == ["once", "twice", "You said: hi"]
    assert [row["used"] for row in (await door.get("/openai/script")).json()] == [1, 1]


async def test_served_calls_are_listed_and_counted(
    sdk: openai.AsyncOpenAI, door: httpx2.AsyncClient
) -> None:
    await door.post(
        "/faults", json={"provider": "openai", "call": "responses", "fault": "drop_after"}
    )
    with pytest.raises(openai.APIConnectionError):
        await sdk.responses.create(model=MODEL, input="billed although dropped")
    await sdk.responses.create(
        model=MODEL, input="second", instructions="conversation-7", tools=[FLAT]
    )

    first, second = (await door.get("/openai/calls")).json()
    assert (first["key_suffix"], first["endpoint"], first["model"]) == ("test", "responses", MODEL)
    assert first["answer"]["text"] == "You said: billed although dropped"
    assert second["tools"][0]["name"] == "free_slots"
    counted = await door.get("/openai/calls/count", params={"contains": "conversation-7"})
    assert counted.json() == {"count": 1, "thinking": 0}
    later = (await door.get("/openai/calls", params={"since": 1})).json()
    assert [row["seq"] for row in later] == [2]


async def test_a_repeated_long_prefix_is_cached(sdk: openai.AsyncOpenAI) -> None:
    async def cached() -> int:
        response = await sdk.responses.create(
            model=MODEL, instructions="rules " * 1000, input="x", prompt_cache_key="tenant"
        )
        assert response.usage is not None
        return response.usage.input_tokens_details.cached_tokens

    first, second = await cached(), await cached()

    assert first == 0
    assert second >= 1024
    assert second % 128 == 0


async def test_input_tokens_are_counted_without_an_answer(
    sdk: openai.AsyncOpenAI, door: httpx2.AsyncClient
) -> None:
    counted = await sdk.responses.input_tokens.count(model=MODEL, input="hello there")
    answered = await sdk.responses.create(model=MODEL, input="hello there")

    assert answered.usage is not None
    assert counted.input_tokens == answered.usage.input_tokens
    assert (await door.get("/openai/calls/count")).json()["count"] == 1
