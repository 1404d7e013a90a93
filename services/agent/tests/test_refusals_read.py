"""Every shape of a model server's refusal, and what the rarer calls may answer."""

from datetime import timedelta
from typing import Any

import httpx2
import orjson
import pytest
from one_answer import agent, server

from agent_service.domain.model import Usage
from agent_service.domain.ports import AccountRefused, TooMuchContext
from agent_service.providers.openai.errors import of_status
from agent_service.providers.openai.senses import OpenAIEars, OpenAIModerator
from common.errors import NeedsOperator, ParleyError, RateLimited, Refused, Unavailable


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
