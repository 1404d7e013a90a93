"""Both APIs against the strict stand-in: what it would refuse, we must never write."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from openai import AsyncOpenAI

from agent_service.domain.model import (
    Agent,
    AgentSettings,
    Answer,
    Called,
    Effect,
    Ending,
    Image,
    Output,
    Request,
    Said,
    ToolCall,
    ToolSpec,
    Usage,
)
from agent_service.domain.model.schemas import closed
from agent_service.domain.ports import Garbled, TooMuchContext, Unfinished, Wasted
from agent_service.providers.openai.model import OpenAIModel
from agent_service.providers.openai.senses import OpenAIEars, OpenAIModerator
from agent_service.providers.openai.server import ModelServer
from agent_service.providers.tools import BUILT_IN
from common.contracts import AgentId, TenantId
from common.errors import NeedsOperator, RateLimited, Refused, Unavailable
from sandbox.app import create_app

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

AT = datetime(2026, 11, 23, tzinfo=UTC)
DAY = closed({"day": {"type": "string"}, "note": {"anyOf": [{"type": "string"}, {"type": "null"}]}})
BOOK = ToolSpec("book", "Book a day.", DAY, Effect.WRITE)
PIXEL = Image("image/png", b"\x89PNG")
APIS = ("responses", "chat_completions")


@dataclass
class Server:
    """The stand-in, its control door, and adapters in front of it."""

    door: httpx2.AsyncClient
    there: ModelServer

    def model(self, name: str = "gpt-5.4-mini") -> OpenAIModel:
        return OpenAIModel(lambda _: self.there, default_model=name)

    async def fault(self, fault: str, **more: Any) -> None:
        order = {"provider": "openai", "fault": fault, **more}
        (await self.door.post("/_sandbox/faults", json=order)).raise_for_status()

    async def says(self, **reply: Any) -> None:
        rules = [{"match": {"last_item": "any"}, "reply": reply, "times": 1}]
        (await self.door.post("/_sandbox/openai/script", json=rules)).raise_for_status()

    async def calls(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.door.get("/_sandbox/openai/calls")).json()
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncGenerator[Server]:
    transport = httpx2.ASGITransport(create_app())
    async with (
        httpx2.AsyncClient(transport=transport, base_url="http://sandbox") as door,
        httpx2.AsyncClient(transport=transport) as http,
    ):
        client = AsyncOpenAI(
            base_url="http://sandbox/openai/v1", api_key="sk-test", max_retries=0, http_client=http
        )
        yield Server(door, ModelServer.of(client, http))


@pytest_asyncio.fixture(loop_scope="module")
async def server(running: Server) -> Server:
    for path in ("/_sandbox/openai/calls", "/_sandbox/faults"):
        (await running.door.delete(path)).raise_for_status()
    await running.door.post("/_sandbox/openai/script", json=[])
    return running


def ask(*items: Any, api: str = "responses", tools: Any = (BOOK,), **settings: Any) -> Request:
    agent = Agent(
        AgentId("agt_1"), TenantId("ten_1"), "Ana", AgentSettings(api=api, **settings), AT, AT
    )
    return Request(agent, "You sell shoes.", items, tuple(tools), 800, "contact_1")


HELLO = Said("user", "book Monday")


@pytest.mark.parametrize("api", APIS)
async def test_a_conversation_with_everything_in_it_is_taken_by_the_strict_server(
    server: Server, api: str
) -> None:
    before = Answer("One moment.", Usage(), "m", (ToolCall("call_1", "book", '{"day":"x"}'),), ())
    request = ask(
        Said("user", "<data>facts</data>"),
        Said("assistant", "Hello!"),
        Called(before),
        Output("call_1", "booked"),
        Called(replace(before, text="", calls=(ToolCall("call_2", "book", "{}"),))),
        Output("call_2", "again"),
        Said("system", "It is Monday."),
        Said("user", "and this?", (PIXEL, PIXEL)),
        api=api,
        temperature=0.5,
        tools=(BOOK, *(tool.spec for tool in BUILT_IN)),
    )
    answer = await server.model().answer(request)
    assert answer.text == "You said: and this?"
    assert answer.ending is Ending.COMPLETE
    assert answer.model == "gpt-5.4-mini"
    assert answer.usage.input_tokens > 100
    assert answer.usage.output_tokens > 0
    assert request.tokens >= answer.usage.input_tokens - 2 * 85, "the estimate errs upwards"
    [call] = await server.calls()
    assert len(call["tools"]) == 1 + len(BUILT_IN)


@pytest.mark.parametrize("api", APIS)
async def test_calls_are_read_whatever_is_in_their_arguments(server: Server, api: str) -> None:
    calls = [{"name": "book", "arguments": {"day": "Monday"}}, {"name": "book", "arguments": "{no"}]
    await server.says(text="I book.", tool_calls=calls[:1])
    answer = await server.model().answer(ask(HELLO, api=api))
    [call] = answer.calls
    assert (answer.text, call.name, call.arguments) == ("I book.", "book", '{"day":"Monday"}')
    await server.says(tool_calls=calls[1:])
    [broken] = (await server.model().answer(ask(HELLO, api=api))).calls
    assert broken.arguments == "{no"
    again = ask(HELLO, Called(answer), Output(call.id, "booked"), api=api)
    assert (await server.model().answer(again)).text == "The tool said: booked"


@pytest.mark.parametrize("api", APIS)
async def test_a_write_is_called_for_one_at_a_time_and_reads_together(
    server: Server, api: str
) -> None:
    two = [{"name": "book"}, {"name": "book"}]
    for effect, expected in ((Effect.WRITE, 1), (Effect.READ, 2)):
        await server.says(tool_calls=two)
        request = ask(HELLO, api=api, tools=(replace(BOOK, effect=effect),))
        assert len((await server.model().answer(request)).calls) == expected


@pytest.mark.parametrize("api", APIS)
async def test_a_refusal_and_a_truncated_answer_are_told_apart(server: Server, api: str) -> None:
    await server.says(refusal="I can't help with that.")
    refused = await server.model().answer(ask(HELLO, api=api))
    assert (refused.ending, refused.text) == (Ending.REFUSED, "I can't help with that.")
    await server.says(text="One. Tw", incomplete="max_output_tokens")
    cut = await server.model().answer(ask(HELLO, api=api))
    assert (cut.ending, cut.text) == (Ending.CUT, "One. Tw")
    await server.says(
        tool_calls=[{"name": "book", "arguments": '{"da'}], incomplete="max_output_tokens"
    )
    broken = await server.model().answer(ask(HELLO, api=api))
    assert (broken.ending, broken.calls) == (Ending.CUT, ()), "half a call is no call"
    await server.says(text="x", incomplete="content_filter")
    with pytest.raises(Unfinished, match="content_filter") as filtered:
        await server.model().answer(ask(HELLO, api=api))
    assert_paid(filtered.value)


def assert_paid(error: Wasted) -> None:
    """It says what the server would bill."""
    assert error.model == "gpt-5.4-mini"
    assert error.usage.input_tokens > 10
    assert error.usage.output_tokens > 0


async def test_a_response_that_failed_is_none_and_says_what_it_cost(server: Server) -> None:
    for code, error in (("server_error", Garbled), ("invalid_prompt", Unfinished)):
        await server.says(failed=code)
        with pytest.raises(error) as failed:
            await server.model().answer(ask(HELLO))
        assert failed.value.usage.input_tokens > 10


@pytest.mark.parametrize(
    ("api", "usage", "body"),
    [
        ("responses", {"input_tokens": 20, "output_tokens": 3}, {"output": "?"}),
        ("responses", {"input_tokens": 20, "output_tokens": 3}, {"output": [None]}),
        ("chat_completions", {"prompt_tokens": 20, "completion_tokens": 3}, {"choices": []}),
        (
            "chat_completions",
            {"prompt_tokens": 20, "completion_tokens": 3},
            {"choices": [{"message": "?"}]},
        ),
    ],
)
async def test_an_answer_that_cannot_be_read_costs_what_it_says(
    server: Server, api: str, usage: dict[str, int], body: dict[str, Any]
) -> None:
    whole = {"model": "gpt-5.4-mini", "usage": usage, **body}
    await server.fault("status", status=200, body=whole)
    with pytest.raises(Garbled) as garbled:
        await server.model().answer(ask(HELLO, api=api))
    assert_paid(garbled.value)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    ("fault", "more", "error", "words"),
    [
        ("insufficient_quota", {}, NeedsOperator, "no quota"),
        ("invalid_api_key", {}, NeedsOperator, "refuses the key"),
        ("permission_denied", {}, NeedsOperator, "refuses the key"),
        ("model_not_found", {}, NeedsOperator, "does not exist"),
        ("context_length_exceeded", {}, TooMuchContext, "context_length_exceeded"),
        ("server_error", {}, Unavailable, "500"),
        ("overloaded", {}, Unavailable, "503"),
        ("garbage", {}, Unavailable, "cannot be read"),
        ("drop_before", {}, Unavailable, "cannot be reached"),
        ("status", {"status": 400}, Refused, "refused"),
        ("status", {"status": 409}, Unavailable, "409"),
        (
            "status",
            {"status": 400, "body": {"error": {"message": "maximum context length is 8192"}}},
            TooMuchContext,
            "context_length_exceeded",
        ),
    ],
)
async def test_every_failure_has_its_own_name(
    server: Server, api: str, fault: str, more: dict[str, Any], error: type[Exception], words: str
) -> None:
    await server.fault(fault, **more)
    with pytest.raises(error, match=words):
        await server.model().answer(ask(HELLO, api=api))


@pytest.mark.parametrize("api", APIS)
async def test_a_busy_server_says_how_long_to_wait(server: Server, api: str) -> None:
    await server.fault("rate_limit", retry_after=120)
    with pytest.raises(RateLimited) as busy:
        await server.model().answer(ask(HELLO, api=api))
    assert busy.value.retry_after == timedelta(seconds=120)


async def test_a_retired_model_is_named_by_no_constant_of_ours(server: Server) -> None:
    with pytest.raises(NeedsOperator):
        await server.model("gpt-3.5-turbo").answer(ask(HELLO))
    assert (await server.model().answer(ask(HELLO, model="gpt-6-sol"))).model == "gpt-6-sol"


async def test_an_old_server_is_asked_in_the_old_words(server: Server) -> None:
    """As Ollama: it has an address of its own, needs no key, and knows `max_tokens` only."""
    request = ask(
        HELLO, api="chat_completions", model="llama3.2", base_url="http://ollama.example/v1"
    )
    assert (await server.model().answer(request)).text == "You said: book Monday"


async def test_thoughts_are_asked_for_only_where_a_model_thinks(server: Server) -> None:
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}
    before = Answer("", Usage(), "m", (ToolCall("call_1", "book", "{}"),), (thought,))
    request = ask(HELLO, Called(before), Output("call_1", "ok"), reasoning_effort="low")
    assert (await server.model().answer(request)).text == "The tool said: ok"


async def test_a_recording_is_heard_and_its_name_says_what_it_is(server: Server) -> None:
    ears = OpenAIEars(lambda _: server.there, default_model="gpt-transcribe")
    agent = ask().agent
    sound = b"OggS" + b"SANDBOX-SPEECH:two tickets"
    text, usage = await ears.hear(agent, sound, "audio/ogg; codecs=opus")
    assert text == "two tickets"
    assert usage.input_tokens > 0
    by_length = OpenAIEars(lambda _: server.there, default_model="whisper-1")
    _, usage = await by_length.hear(agent, sound + b" " * 12_000, "audio/ogg")
    assert usage == Usage(seconds=3)
    silent = OpenAIEars(lambda _: server.there, default_model=None)
    assert silent.model_for(None) is None
    assert silent.model_for("whisper-1") == "whisper-1"
    with pytest.raises(NeedsOperator):
        await silent.hear(agent, sound, "audio/ogg")
    with pytest.raises(Refused):
        await ears.hear(agent, b"x" * (25 * 1024 * 1024 + 1), "audio/ogg")
    with pytest.raises(Refused):
        await ears.hear(agent, b"", "audio/ogg")


async def test_what_a_customer_writes_is_judged_by_category(server: Server) -> None:
    moderator = OpenAIModerator(lambda _: server.there, model="omni-moderation-latest")
    agent = ask().agent
    assert await moderator.flagged(agent, "hello") == ()
    assert await moderator.flagged(agent, "sandbox-hate") == ("hate",)
