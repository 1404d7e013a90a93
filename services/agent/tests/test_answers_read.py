"""Every shape in which a model server may answer, and what it comes to."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import orjson
import pytest
from openai import AsyncOpenAI

from agent_service.domain.model import Agent, AgentSettings, Answer, Ending, Request, Said, Usage
from agent_service.domain.ports import AccountRefused, Garbled, TooMuchContext, Unfinished
from agent_service.providers.openai.errors import of_status
from agent_service.providers.openai.model import OpenAIModel
from agent_service.providers.openai.senses import OpenAIEars, OpenAIModerator
from agent_service.providers.openai.server import ModelServer
from common.contracts import AgentId, TenantId
from common.errors import NeedsOperator, ParleyError, RateLimited, Refused, Unavailable

AT = datetime(2026, 11, 23, tzinfo=UTC)


def agent(**settings: Any) -> Agent:
    return Agent(AgentId("agt_1"), TenantId("ten_1"), "Ana", AgentSettings(**settings), AT, AT)


def server(answer: httpx2.Response | Callable[[httpx2.Request], httpx2.Response]) -> ModelServer:
    """A server that gives one answer to everything."""
    given = answer if callable(answer) else lambda _: answer
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(given))
    sdk = AsyncOpenAI(base_url="http://m/v1", api_key="sk", max_retries=0, http_client=http)
    return ModelServer.of(sdk, http)


async def read(api: str, body: Any, status: int = 200) -> Answer:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    there = server(httpx2.Response(status, content=content))
    asked = Request(agent(api=api), "You sell shoes.", (Said("user", "hi"),), (), 800, "contact_1")
    return await OpenAIModel(lambda _: there, default_model="asked").answer(asked)


def response(*output: Any, **more: Any) -> dict[str, Any]:
    return {"status": "completed", "model": "m", "output": list(output), **more}


def message(*content: Any, **more: Any) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": list(content), **more}


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "output_text", "text": words, "annotations": [], **more}


def call(arguments: Any = "{}", **more: Any) -> dict[str, Any]:
    return {
        "type": "function_call",
        "call_id": "c1",
        "name": "book",
        "arguments": arguments,
        **more,
    }


REFUSAL = {"type": "refusal", "refusal": "I can't."}
SEALED = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}
CUT = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
CITED = text("See it.", annotations=[{"type": "url_citation", "url": "https://x.example"}])
OTHERS: tuple[dict[str, Any], ...] = (
    {"type": "web_search_call", "id": "ws_1", "status": "completed"},
    {"type": "custom_tool_call", "call_id": "c9", "name": "x", "input": "y"},
    {"type": "never_heard_of", "content": [text("not said")]},
    {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": None},
)

RESPONSES: list[tuple[Any, str, Ending]] = [
    (response(message(text("Hello."))), "Hello.", Ending.COMPLETE),
    (response(message(text("a"), text("b"))), "ab", Ending.COMPLETE),
    (response(message(CITED)), "See it.", Ending.COMPLETE),
    (response(message(text("One moment."), phase="commentary"), message(text("Done."))),
     "One moment.\n\nDone.", Ending.COMPLETE),
    (response(message(REFUSAL)), "I can't.", Ending.REFUSED),
    (response(message(text("ok", refusal=None))), "ok", Ending.COMPLETE),
    (response(message(text("So: "), REFUSAL)), "So: I can't.", Ending.REFUSED),
    (response(*OTHERS, message(text("Found."))), "Found.", Ending.COMPLETE),
    (response({"type": "message", "content": None}), "", Ending.COMPLETE),
    (response({"type": "message", "content": "plain"}), "plain", Ending.COMPLETE),
    (response(message(5, None, text("ok"))), "ok", Ending.COMPLETE),
    (response(), "", Ending.COMPLETE),
    (response(message(text("One. Tw")), **CUT), "One. Tw", Ending.CUT),
    (response({"type": "reasoning", "summary": []}, **CUT), "", Ending.CUT),
    (response(message(text("x")), error=None, incomplete_details=None), "x", Ending.COMPLETE),
    ({"output": [message(text("no status"))]}, "no status", Ending.COMPLETE),
]  # fmt: skip


@pytest.mark.parametrize(("body", "words", "ending"), RESPONSES)
async def test_a_response_is_read_whatever_else_is_in_it(
    body: Any, words: str, ending: Ending
) -> None:
    answer = await read("responses", body)

    assert (answer.text, answer.ending, answer.calls) == (words, ending, ())


async def test_calls_thoughts_and_what_is_unknown_are_told_apart() -> None:
    answer = await read("responses", response(SEALED, *OTHERS, call(), call({"day": 1})))

    assert [one.arguments for one in answer.calls] == ["{}", '{"day":1}']
    assert answer.reasoning == (SEALED,)
    assert (await read("responses", response(call(), **CUT))).calls == ()
    assert (await read("responses", response(call(None)))).calls[0].arguments == ""


FAILED_RESPONSES: list[tuple[Any, type[ParleyError], str]] = [
    (response(status="failed", error={"code": "server_error", "message": "x"}), Garbled, "server"),
    (response(status="failed", error={"code": "rate_limit_exceeded"}), Garbled, "rate_limit"),
    (response(status="failed", error={"code": "invalid_prompt"}), Unfinished, "invalid_prompt"),
    (response(status="failed", error={"code": "bio_policy"}), Unfinished, "bio_policy"),
    (response(status="failed", error=None), Unfinished, "failed"),
    (response(status="failed", error="server_error"), Garbled, "server_error"),
    (response(status="failed", error={"code": ["odd"]}), Unfinished, "odd"),
    (response(status="cancelled"), Unfinished, "cancelled"),
    (response(status="queued"), Unfinished, "queued"),
    (response(status="incomplete", incomplete_details=None), Unfinished, "incomplete"),
    (response(status="incomplete", incomplete_details={"reason": "content_filter"}),
     Unfinished, "content_filter"),
    (response({"type": "function_call", "name": "x"}), Garbled, "cannot be read"),
    (response(None), Garbled, "cannot be read"),
    ({"output": None}, Garbled, "cannot be read"),
    ({"error": {"message": "router"}}, Garbled, "cannot be read"),
    ([], Garbled, "cannot be read"),
    (None, Garbled, "cannot be read"),
    (b"<html>502</html>", Garbled, "cannot be read"),
    (b"", Garbled, "cannot be read"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "error", "words"), FAILED_RESPONSES)
async def test_a_response_that_is_none_says_why(
    body: Any, error: type[ParleyError], words: str
) -> None:
    with pytest.raises(ParleyError, match=words) as failed:
        await read("responses", body)
    assert type(failed.value) is error


def completion(finish: Any = "stop", **said: Any) -> dict[str, Any]:
    whole = {"role": "assistant", "content": None, **said}
    return {"model": "m", "choices": [{"index": 0, "message": whole, "finish_reason": finish}]}


def asked(arguments: Any = "{}", **more: Any) -> list[dict[str, Any]]:
    function = {"name": "book", "arguments": arguments}
    return [{"id": "c1", "type": "function", "function": function, **more}]


COMPLETIONS: list[tuple[Any, str, Ending, int]] = [
    (completion(content="Hello."), "Hello.", Ending.COMPLETE, 0),
    (completion(content=[{"type": "text", "text": "in parts"}]), "in parts", Ending.COMPLETE, 0),
    (completion(refusal="I can't."), "I can't.", Ending.REFUSED, 0),
    (completion("length", content="One. Tw"), "One. Tw", Ending.CUT, 0),
    (completion("length", tool_calls=asked('{"da')), "", Ending.CUT, 0),
    (completion("tool_calls", tool_calls=asked()), "", Ending.COMPLETE, 1),
    (completion("stop", tool_calls=asked(), content="I book."), "I book.", Ending.COMPLETE, 1),
    (completion("function_call", function_call={"name": "book"}), "", Ending.COMPLETE, 1),
    (completion(None, content="ok", tool_calls=None), "ok", Ending.COMPLETE, 0),
    (completion("eos", content="ok", annotations=[{"type": "x"}]), "ok", Ending.COMPLETE, 0),
    ({"choices": [{"message": None}]}, "", Ending.COMPLETE, 0),
]


@pytest.mark.parametrize(("body", "words", "ending", "calls"), COMPLETIONS)
async def test_a_completion_is_read_whatever_else_is_in_it(
    body: Any, words: str, ending: Ending, calls: int
) -> None:
    answer = await read("chat_completions", body)

    assert (answer.text, answer.ending, len(answer.calls)) == (words, ending, calls)


async def test_calls_of_servers_that_leave_something_out_still_have_a_name_each() -> None:
    odd = [
        *asked({"day": 1}),
        {"function": {"name": "book", "arguments": None}},
        {"type": "custom"},
    ]

    answer = await read("chat_completions", completion("tool_calls", tool_calls=odd))

    assert [(one.id, one.name, one.arguments) for one in answer.calls] == [
        ("c1", "book", '{"day":1}'),
        ("call_1", "book", ""),
        ("call_2", "", ""),
    ]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (completion("content_filter", content="x"), Unfinished),
        (completion("error"), Garbled),
        ({"choices": []}, Garbled),
        ({"error": {"message": "from a router", "code": 502}}, Garbled),
        (completion(tool_calls=["nonsense"]), Garbled),
        (b"<html>", Garbled),
    ],
)
async def test_a_completion_that_is_none_says_why(body: Any, error: type[ParleyError]) -> None:
    with pytest.raises(ParleyError) as failed:
        await read("chat_completions", body)
    assert type(failed.value) is error


@pytest.mark.parametrize("api", ["responses", "chat_completions"])
@pytest.mark.parametrize("usage", [None, {}, {"input_tokens": None}, {"prompt_tokens": None}])
async def test_usage_may_be_missing_and_the_model_is_then_the_one_asked(
    api: str, usage: Any
) -> None:
    body = response(message(text("x"))) if api == "responses" else completion(content="x")

    answer = await read(api, body | {"usage": usage, "model": None})

    assert (answer.usage, answer.model) == (Usage(), "asked")


def told(**error: Any) -> dict[str, Any]:
    return {"error": {"message": "x", "type": None, "param": None, "code": None, **error}}


LONG = "This model's maximum context length is 8192 tokens."
LARGE = "Request too large for m on tokens per min (TPM): Limit 30000, Requested 40000."
REFUSALS: list[tuple[int, Any, type[ParleyError]]] = [
    (400, told(code="context_length_exceeded"), TooMuchContext),
    (400, told(message=LONG), TooMuchContext),
    (400, {"object": "error", "message": LONG, "code": 400}, TooMuchContext),
    (400, {"error": LONG}, TooMuchContext),
    (400, {"detail": LONG}, TooMuchContext),
    (400, [told(message=LONG)], TooMuchContext),
    (413, b"<html>413</html>", TooMuchContext),
    (429, told(message=LARGE, type="tokens", code="rate_limit_exceeded"), TooMuchContext),
    (429, told(code="rate_limit_exceeded", type="requests"), RateLimited),
    (429, told(code="insufficient_quota"), AccountRefused),
    (429, told(type="insufficient_quota"), AccountRefused),
    (429, told(code="billing_not_active"), AccountRefused),
    (429, told(code=["odd"], type={"odd": 1}), RateLimited),
    (429, b"", RateLimited),
    (402, {"error": {"message": "Insufficient Balance"}}, AccountRefused),
    (401, told(code="invalid_api_key"), AccountRefused),
    (401, b"Unauthorized", AccountRefused),
    (403, told(code="unsupported_country_region_territory"), AccountRefused),
    (404, told(code="model_not_found"), NeedsOperator),
    (404, b"404 page not found", NeedsOperator),
    (400, told(code="unsupported_parameter", param="temperature"), Refused),
    (400, told(message=None), Refused),
    (400, {"error": None}, Refused),
    (400, [], Refused),
    (400, b"<html>", Refused),
    (422, {"detail": [{"loc": ["body"], "msg": "x"}]}, Refused),
    (408, told(), Unavailable),
    (409, told(), Unavailable),
    (500, told(type="server_error"), Unavailable),
    (503, b"<html>upstream</html>", Unavailable),
    (529, told(type="overloaded_error"), Unavailable),
]


@pytest.mark.parametrize(("status", "body", "meaning"), REFUSALS)
def test_a_refusal_is_told_as_what_it_is(
    status: int, body: Any, meaning: type[ParleyError]
) -> None:
    content = body if isinstance(body, bytes) else orjson.dumps(body)

    assert type(of_status(httpx2.Response(status, content=content))) is meaning


def test_the_wait_is_read_from_either_header() -> None:
    for headers, seconds in (
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "120"}, 120.0),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
    ):
        error = of_status(httpx2.Response(429, headers=headers))
        assert isinstance(error, RateLimited)
        assert error.retry_after == timedelta(seconds=seconds)


def as_json(body: Any) -> httpx2.Response:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return httpx2.Response(200, content=content, headers={"content-type": "application/json"})


TOKENS = {"type": "tokens", "input_tokens": 14, "output_tokens": 5, "total_tokens": 19}


@pytest.mark.parametrize(
    ("body", "usage"),
    [
        ({"text": "oi"}, Usage()),
        ({"text": "oi", "usage": None}, Usage()),
        ({"text": "oi", "usage": TOKENS, "languages": [], "logprobs": None}, Usage(14, 0, 5)),
        ({"text": "oi", "usage": {"type": "duration", "seconds": 3}}, Usage(seconds=3)),
        ({"text": "oi", "usage": {"type": "credits"}}, Usage()),
    ],
)
async def test_what_was_heard_is_read_with_any_usage(body: Any, usage: Usage) -> None:
    ears = OpenAIEars(lambda _: server(as_json(body)), default_model="t")

    assert await ears.hear(agent(), b"OggS", "audio/ogg") == ("oi", usage)


@pytest.mark.parametrize("body", [{}, {"text": None}, {"error": {"message": "x"}}, [], b"<html>"])
async def test_what_was_not_heard_is_refused_and_no_accident(body: Any) -> None:
    ears = OpenAIEars(lambda _: server(as_json(body)), default_model="t")

    with pytest.raises((Refused, Unavailable)):
        await ears.hear(agent(), b"OggS", "audio/ogg")


@pytest.mark.parametrize(
    ("results", "flagged"),
    [
        ([{"flagged": False, "categories": {"hate": True}}], ()),
        ([{"flagged": True, "categories": {"hate": True, "illicit": None}}], ("hate",)),
        ([{"flagged": True, "categories": {"hate/threatening": True}}], ("hate/threatening",)),
        ([{"flagged": True, "categories": {"of a new kind": True}}], ("of a new kind",)),
        ([{"flagged": True, "categories": None}], ("unnamed",)),
    ],
)
async def test_a_judgement_is_read_with_any_categories(
    results: Any, flagged: tuple[str, ...]
) -> None:
    body = {"id": "modr_1", "model": "m", "results": results}
    moderator = OpenAIModerator(lambda _: server(as_json(body)), model="m")

    assert await moderator.flagged(agent(), "hello") == flagged


@pytest.mark.parametrize("body", [{}, {"results": None}, {"results": []}, [], b"<html>"])
async def test_no_judgement_is_none_that_lets_pass(body: Any) -> None:
    moderator = OpenAIModerator(lambda _: server(as_json(body)), model="m")

    with pytest.raises(Unavailable):
        await moderator.flagged(agent(), "hello")
