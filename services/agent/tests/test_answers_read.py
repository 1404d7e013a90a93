"""Every shape in which a model server may answer, and what it comes to."""

from typing import Any

import httpx2
import orjson
import pytest
from one_answer import agent, server

from agent_service.domain.model import Answer, Ending, Request, Said, Usage
from agent_service.domain.ports import Garbled, Unfinished
from agent_service.providers.openai.model import OpenAIModel
from common.errors import ParleyError


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
    body = completion("tool_calls", tool_calls=odd)

    first, second = await read("chat_completions", body), await read("chat_completions", body)

    calls = [(one.name, one.arguments) for one in first.calls]
    assert calls == [("book", '{"day":1}'), ("book", ""), ("", "")]
    ids = [one.id for one in (*first.calls, *second.calls)]
    assert (ids[0], ids[3]) == ("c1", "c1"), "what has a name keeps it"
    assert len(set(ids)) == 5, "an answer that follows has other names"


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
