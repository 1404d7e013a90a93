"""A provider's failure becomes our error, and only what may be repeated is repeated."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest

from common.errors import (
    Conflict,
    InvalidInput,
    NeedsOperator,
    NotFound,
    OutcomeUnknown,
    ParleyError,
    RateLimited,
    Refused,
    TimedOut,
    Unavailable,
)
from common.http import ApiResponse, Rate

Failing = Callable[[Awaitable[object]], Awaitable[ParleyError]]


async def test_a_success_is_returned_with_its_body(stage: Any) -> None:
    stage.says(httpx2.Response(201, json={"id": 7}))

    response = await stage.client(headers={"apikey": "k"}).request(
        "POST", "/things", json={"name": "Ana"}, params={"page": 2}
    )

    [request] = stage.provider.requests
    assert (response.status, response.json()) == (201, {"id": 7})
    assert str(request.url) == "http://acme.test/things?page=2"
    assert request.content == b'{"name":"Ana"}'
    assert request.headers["content-type"] == "application/json"
    assert request.headers["apikey"] == "k"
    assert request.headers["traceparent"].startswith("00-aaaa")
    assert stage.counter.outcomes == ["ok"]


async def test_a_form_is_encoded_and_another_account_has_its_own_headers(stage: Any) -> None:
    other = stage.client(headers={"a": "1", "b": "1"}).at("http://two.test/base/", {"b": "2"})

    await other.request("POST", "/x", form={"grant": "a b"})

    [request] = stage.provider.requests
    assert str(request.url) == "http://two.test/base/x"
    assert request.content == b"grant=a+b"
    assert (request.headers["a"], request.headers["b"]) == ("1", "2")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, Refused),
        (400, Refused),
        (401, NeedsOperator),
        (403, NeedsOperator),
        (404, NotFound),
        (409, Conflict),
        (422, Refused),
        (408, Unavailable),
        (429, RateLimited),
        (500, Unavailable),
        (502, OutcomeUnknown),
        (503, Unavailable),
        (504, OutcomeUnknown),
    ],
)
async def test_every_status_has_one_meaning_for_a_call_that_may_not_be_repeated(
    stage: Any, failing: Failing, status: int, error: type[ParleyError]
) -> None:
    stage.says(httpx2.Response(status))

    failure = await failing(stage.client().request("POST", "/x"))

    assert type(failure) is error
    assert len(stage.provider.requests) == 1


@pytest.mark.parametrize(
    ("fault", "once", "repeatable"),
    [
        (httpx2.ConnectError("no"), Unavailable, Unavailable),
        (httpx2.ConnectTimeout("no"), Unavailable, Unavailable),
        (httpx2.PoolTimeout("no"), Unavailable, Unavailable),
        (httpx2.ReadTimeout("no"), OutcomeUnknown, TimedOut),
        (httpx2.WriteTimeout("no"), OutcomeUnknown, TimedOut),
        (httpx2.ReadError("no"), OutcomeUnknown, Unavailable),
        (httpx2.WriteError("no"), OutcomeUnknown, Unavailable),
        (httpx2.RemoteProtocolError("no"), OutcomeUnknown, Unavailable),
    ],
)
async def test_what_left_without_an_answer_is_unknown_unless_it_may_be_repeated(
    stage: Any,
    failing: Failing,
    fault: Exception,
    once: type[ParleyError],
    repeatable: type[ParleyError],
) -> None:
    stage.says(fault)

    assert type(await failing(stage.client().request("POST", "/x"))) is once
    assert len(stage.provider.requests) == 1
    assert type(await failing(stage.client().request("GET", "/x"))) is repeatable
    assert len(stage.provider.requests) == 1 + 3


@pytest.mark.parametrize(
    ("method", "options"),
    [("GET", {}), ("POST", {"safe_to_repeat": True}), ("POST", {"idempotency_key": "cmd_1"})],
)
async def test_a_transient_failure_is_tried_again_when_repeating_is_safe(
    stage: Any, method: str, options: dict[str, Any]
) -> None:
    stage.says(httpx2.Response(503), httpx2.ReadError("no"), httpx2.Response(200))

    response = await stage.client().request(method, "/x", **options)

    assert response.status == 200
    assert stage.counter.outcomes == ["unavailable", "unavailable", "ok"]
    keys = {request.headers.get("idempotency-key") for request in stage.provider.requests}
    assert keys == {options.get("idempotency_key")}


async def test_an_idempotent_method_can_be_declared_unsafe(stage: Any, failing: Failing) -> None:
    stage.says(httpx2.Response(503))

    await failing(stage.client().request("PUT", "/x", safe_to_repeat=False))

    assert len(stage.provider.requests) == 1


async def test_a_permanent_answer_is_not_tried_again(stage: Any, failing: Failing) -> None:
    stage.says(httpx2.Response(422))

    await failing(stage.client().request("GET", "/x"))

    assert len(stage.provider.requests) == 1


async def test_a_named_wait_is_honoured_with_jitter_on_top(stage: Any) -> None:
    stage.says(httpx2.Response(429, headers={"retry-after": "7"}), httpx2.Response(200))

    await stage.client().request("GET", "/x")

    [pause] = stage.time.slept
    assert 7.0 <= pause <= 7.2


async def test_a_wait_past_the_deadline_is_left_to_the_caller(stage: Any, failing: Failing) -> None:
    stage.says(httpx2.Response(429, headers={"retry-after": "60"}))

    failure = await failing(stage.client(deadline=30).request("GET", "/x"))

    assert isinstance(failure, RateLimited)
    assert failure.retry_after is not None
    assert failure.retry_after.total_seconds() == 60
    assert stage.time.slept == []


async def test_an_expected_status_is_returned(stage: Any) -> None:
    stage.says(httpx2.Response(404, json={"message": "gone"}))

    response = await stage.client().request("DELETE", "/x", expect={404})

    assert response.status == 404


async def test_a_provider_may_know_a_better_error_from_the_body(
    stage: Any, failing: Failing
) -> None:
    def raise_for(response: ApiResponse) -> None:
        if "Connection Closed" in str(response.json_or_none()):
            raise NeedsOperator("the number is not connected")

    stage.says(
        httpx2.Response(500, json={"message": "Connection Closed"}),
        httpx2.Response(500, text="<html>"),
    )
    client = stage.client(raise_for=raise_for)

    assert type(await failing(client.request("POST", "/x"))) is NeedsOperator
    assert type(await failing(client.request("POST", "/x"))) is Unavailable


async def test_a_body_over_the_cap_is_refused_while_it_is_read(
    stage: Any, failing: Failing
) -> None:
    stage.says(httpx2.Response(200, content=b"x" * 101))
    client = stage.client(max_bytes=100)

    assert "100 bytes" in str(await failing(client.request("GET", "/x")))
    assert len((await client.request("GET", "/x", max_bytes=101)).content) == 101


async def test_something_that_is_not_json_is_refused_by_name(stage: Any) -> None:
    stage.says(httpx2.Response(200, text="<html>"))
    response = await stage.client().request("GET", "/x")

    with pytest.raises(Refused, match="acme answered 200"):
        response.json()
    assert response.json_or_none() is None


async def test_our_own_limit_delays_and_then_refuses(stage: Any, failing: Failing) -> None:
    client = stage.client(rate=Rate(per_second=1, burst=2), deadline=2)

    for _ in range(4):
        await client.request("GET", "/x", rate_key="ten_1")
    assert stage.time.slept == [1.0, 1.0]
    await client.request("GET", "/x", rate_key="ten_2")

    await client.request("GET", "/x", rate_key="ten_2")
    failure = await failing(client.request("GET", "/x", rate_key="ten_2", deadline=0.5))
    assert isinstance(failure, RateLimited)
    assert len(stage.provider.requests) == 6


@pytest.mark.parametrize("base", ["http://[", "acme.test", "ftp://acme.test", ""])
async def test_an_address_that_is_no_url_is_the_callers_mistake(
    stage: Any, failing: Failing, base: str
) -> None:
    stage.says(httpx2.UnsupportedProtocol("no"))

    failure = await failing(stage.client(base_url=base).request("GET", "/x"))

    assert isinstance(failure, InvalidInput)


async def test_an_error_never_quotes_the_query_or_a_header(stage: Any, failing: Failing) -> None:
    stage.says(httpx2.Response(401))
    client = stage.client(headers={"authorization": "Bearer s3cret"})

    failure = await failing(client.request("GET", "/x", params={"access_token": "s3cret"}))

    assert "s3cret" not in str(failure) + failure.hint + repr(client.__dict__)
