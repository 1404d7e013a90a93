"""The openai SDK itself, driven against the stand-in."""

from __future__ import annotations

from typing import Any, Literal

import httpx2
import openai
from pydantic import BaseModel, ConfigDict

MODEL = "gpt-5.4-mini"
SLOTS: dict[str, Any] = {
    "type": "object",
    "properties": {"day": {"type": "string", "format": "date"}},
    "required": ["day"],
    "additionalProperties": False,
}
FLAT: Any = {"type": "function", "name": "free_slots", "strict": True, "parameters": SLOTS}
NESTED: Any = {
    "type": "function",
    "function": {"name": "free_slots", "strict": True, "parameters": SLOTS},
}


class Booking(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    people: int
    kind: Literal["lunch", "dinner"]


async def script(door: httpx2.AsyncClient, *rules: dict[str, Any]) -> None:
    answer = await door.post("/openai/script", json=list(rules))
    assert answer.status_code == 200, answer.text


BOOK = (
    {
        "match": {"contains": "book"},
        "reply": {"tool_calls": [{"name": "free_slots", "arguments": {"day": "2026-12-01"}}]},
    },
    {"match": {"tool_output": "10:00"}, "reply": {"text": "Free at {tool_output}."}},
)


async def test_an_unscripted_answer_is_an_echo(sdk: openai.AsyncOpenAI) -> None:
    response = await sdk.responses.create(model=MODEL, input="hello", store=False)

    assert response.output_text == "You said: hello"
    assert (response.status, response.object) == ("completed", "response")
    assert response.usage is not None
    assert response.usage.total_tokens == (
        response.usage.input_tokens + response.usage.output_tokens
    )
    assert response.usage.input_tokens_details.cached_tokens == 0


async def test_the_tool_loop_runs_through_responses(
    sdk: openai.AsyncOpenAI, door: httpx2.AsyncClient
) -> None:
    await script(door, *BOOK)
    items: list[Any] = [{"role": "user", "content": "book me"}]

    first = await sdk.responses.create(model=MODEL, input=items, tools=[FLAT], store=False)
    [call] = first.output
    assert call.type == "function_call"
    items += [item.model_dump(exclude_none=True, mode="json") for item in first.output]
    items.append({"type": "function_call_output", "call_id": call.call_id, "output": "10:00"})
    second = await sdk.responses.create(model=MODEL, input=items, tools=[FLAT], store=False)
    items += [item.model_dump(exclude_none=True, mode="json") for item in second.output]
    items.append({"role": "user", "content": "thanks"})
    third = await sdk.responses.create(model=MODEL, input=items, tools=[FLAT], store=False)

    assert (call.name, call.arguments) == ("free_slots", '{"day":"2026-12-01"}')
    assert second.output_text == "Free at 10:00."
    assert third.output_text == "You said: thanks"


async def test_the_tool_loop_runs_through_chat(
    sdk: openai.AsyncOpenAI, door: httpx2.AsyncClient
) -> None:
    await script(door, *BOOK)
    messages: list[Any] = [{"role": "user", "content": "book me"}]

    first = await sdk.chat.completions.create(model=MODEL, messages=messages, tools=[NESTED])
    message = first.choices[0].message
    assert message.tool_calls is not None
    [call] = message.tool_calls
    messages.append(message.model_dump(exclude_none=True))
    messages.append({"role": "tool", "tool_call_id": call.id, "content": "10:00"})
    second = await sdk.chat.completions.create(model=MODEL, messages=messages, tools=[NESTED])

    assert first.choices[0].finish_reason == "tool_calls"
    assert message.content is None
    assert second.choices[0].message.content == "Free at 10:00."
    assert second.usage is not None
    assert second.usage.prompt_tokens > 0


async def test_structured_output_parses_without_a_script(sdk: openai.AsyncOpenAI) -> None:
    response = await sdk.responses.parse(model=MODEL, input="lunch", text_format=Booking)
    completion = await sdk.chat.completions.parse(
        model=MODEL, messages=[{"role": "user", "content": "x"}], response_format=Booking
    )

    assert response.output_parsed == Booking(name="You said: lunch", people=0, kind="lunch")
    assert completion.choices[0].message.parsed == Booking(
        name="You said: x", people=0, kind="lunch"
    )


async def test_the_stream_helper_accepts_the_whole_sequence(
    sdk: openai.AsyncOpenAI, door: httpx2.AsyncClient
) -> None:
    await script(door, *BOOK)
    async with sdk.responses.stream(model=MODEL, input="hello world, how are you") as stream:
        kinds = [event.type async for event in stream]
        final = await stream.get_final_response()
    async with sdk.responses.stream(model=MODEL, input="book", tools=[FLAT]) as stream:
        async for _ in stream:
            pass
        called = await stream.get_final_response()

    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert kinds[-1] == "response.completed"
    assert kinds.count("response.output_text.delta") > 1
    assert final.output_text == "You said: hello world, how are you"
    assert called.output[0].type == "function_call"


async def test_a_chat_stream_ends_with_its_usage(sdk: openai.AsyncOpenAI) -> None:
    stream = await sdk.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "hello world, how are you"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "You said: hello world, how are you"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None


async def test_images_voice_and_moderation(sdk: openai.AsyncOpenAI) -> None:
    parts: Any = [
        {"type": "input_text", "text": "what is it"},
        {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "auto"},
    ]
    seen = await sdk.responses.create(model=MODEL, input=[{"role": "user", "content": parts}])
    heard = await sdk.audio.transcriptions.create(
        file=("voice.ogg", b"OggS\x00SANDBOX-SPEECH:quero marcar", "audio/ogg"),
        model="gpt-transcribe",
        language="pt",
    )
    clean = await sdk.moderations.create(input="hello")
    judged: Any = [
        {"type": "text", "text": "sandbox-violence now"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
    ]
    flagged = await sdk.moderations.create(model="omni-moderation-latest", input=judged)

    assert seen.usage is not None
    assert seen.usage.input_tokens > 85
    assert heard.text == "quero marcar"
    assert heard.usage is not None
    assert not clean.results[0].flagged
    assert flagged.results[0].categories.violence
    assert "image" in flagged.results[0].category_applied_input_types.violence


async def test_whisper_reports_seconds_and_lists_pass(sdk: openai.AsyncOpenAI) -> None:
    whisper = await sdk.audio.transcriptions.create(file=("a.mp3", b"ID3" * 100), model="whisper-1")
    modern = await sdk.audio.transcriptions.create(
        file=("a.mp3", b"ID3" * 100),
        model="gpt-transcribe",
        languages=["pt", "en"],
        keywords=["Parley"],
    )

    assert whisper.usage is not None
    assert whisper.usage.type == "duration"
    assert modern.usage is not None
    assert modern.usage.type == "tokens"
