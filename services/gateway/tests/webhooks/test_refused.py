"""What both webhook routes refuse, in which words, and what they never say."""

import time
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from common.contracts import Topic

SHARED = "/api/webhook/evolution"
SECRET = {"X-Webhook-Secret": "shared-secret-of-evolution"}
BODY = {
    "event": "messages.upsert",
    "instance": "shop-1",
    "data": {"key": {"id": "3A"}, "text": "olá"},
    "apikey": "the-instances-token",
}
CLEAN = {name: value for name, value in BODY.items() if name != "apikey"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Webhook-Secret": ""},
        {"X-Webhook-Secret": "wrong"},
        {"X-Webhook-Secret": "shared-secret-of-evolution "[:-2]},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic x"},
    ],
)
async def test_a_wrong_secret_publishes_nothing(gateway: Any, headers: dict[str, str]) -> None:
    path, _ = gateway.address()
    async with gateway.client() as client:
        for address in (SHARED, path):
            for given in (headers, gateway.jwt("another-secret-of-somebody")):
                answer = await client.post(address, json=BODY, headers=given)
                assert gateway.problem_of(answer)["code"] == "unauthenticated"

    assert gateway.bus.records(Topic.EVOLUTION_WEBHOOKS) == []


async def test_one_integrations_secret_does_not_open_another(gateway: Any) -> None:
    path, _ = gateway.address(generation=1)
    _, other = gateway.address(generation=2)
    async with gateway.client() as client:
        answer = await client.post(path, json=BODY, headers={"X-Webhook-Secret": other})
        shared = await client.post(path, json=BODY, headers=SECRET)

    assert (answer.status_code, shared.status_code) == (401, 401)


async def test_an_address_that_we_did_not_make_does_not_exist(gateway: Any) -> None:
    path, secret = gateway.address()
    async with gateway.client() as client:
        for forged in (path[:-1], path + "A", "/api/webhooks/inbound/k1_AAAA", path.upper()):
            answer = await client.post(forged, json=BODY, headers={"X-Webhook-Secret": secret})
            assert answer.status_code == 404
            assert answer.headers["content-type"] == "application/problem+json"


async def test_other_providers_are_not_here_yet(gateway: Any) -> None:
    path, secret = gateway.address(provider="hubspot")
    async with gateway.client() as client:
        answer = await client.post(path, json=BODY, headers={"X-Webhook-Secret": secret})

    assert gateway.problem_of(answer)["code"] == "not_found"


async def test_only_post_is_answered(gateway: Any) -> None:
    path, _ = gateway.address()
    async with gateway.client() as client:
        for address in (SHARED, f"{SHARED}/messages-upsert", path):
            for method in ("GET", "PUT", "DELETE"):
                answer = await client.request(method, address, headers=SECRET)
                assert answer.status_code == 405
                assert answer.headers["allow"] == "POST"
                assert gateway.problem_of(answer)["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/", "/api/webhook/evolutionary", "/api/webhooks/inbound/", "/x"])
async def test_unknown_paths_are_problems_too(gateway: Any, path: str) -> None:
    async with gateway.client() as client:
        answer = await client.post(path, json=BODY, headers=SECRET)

    assert answer.status_code == 404
    assert gateway.problem_of(answer)["code"] == "not_found"


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": ""},
        {"Content-Type": "application/jsonp"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_other_content_types_are_not_read(gateway: Any, headers: dict[str, str]) -> None:
    async with gateway.client() as client:
        answer = await client.post(
            SHARED, content=orjson.dumps(BODY), headers={**SECRET, **headers}
        )

    assert gateway.problem_of(answer)["code"] == "unsupported_media_type"


async def test_malformed_bodies_are_named_so(gateway: Any) -> None:
    deep = b'{"a":' * 101 + b"1" + b"}" * 101
    headers = {**SECRET, "Content-Type": "application/json"}
    async with gateway.client() as client:
        for raw, words in ((b"{", "not JSON"), (b"[]", "JSON object"), (deep, "100 levels")):
            answer = await client.post(SHARED, content=raw, headers=headers)
            assert answer.status_code == 400
            assert words in gateway.problem_of(answer)["detail"]

    assert gateway.events() == []


async def test_a_body_that_says_it_is_too_large_is_not_read(gateway: Any, knock: Any) -> None:
    gateway.max_bytes = 100

    async def receive() -> Any:
        raise AssertionError("the body was read")

    sent = await knock(receive, (b"content-length", b"101"))

    assert sent[0]["status"] == 413
    assert b"limit of 100 bytes" in sent[1]["body"]


async def test_a_body_that_grows_too_large_is_cut_off(gateway: Any, knock: Any) -> None:
    gateway.max_bytes = 100_000
    chunks = iter(range(1000))

    async def receive() -> Any:
        next(chunks)
        return {"type": "http.request", "body": b" " * 10_000, "more_body": True}

    sent = await knock(receive)

    assert sent[0]["status"] == 413
    assert (b"connection", b"close") in sent[0]["headers"]
    assert next(chunks) == 11


async def test_nothing_is_published_when_the_body_cannot_be_parked(gateway: Any) -> None:
    gateway.parking.away = True
    body = {**BODY, "data": {"base64": "A" * 950_000}}
    async with gateway.client() as client:
        answer = await client.post(SHARED, json=body, headers=SECRET)

    assert gateway.problem_of(answer)["status"] == 503
    assert answer.headers["retry-after"] == "5"
    assert gateway.events() == []


async def test_a_silent_kafka_is_answered_with_503_in_time(gateway: Any, never_acks: Any) -> None:
    gateway.producer = never_acks
    async with gateway.client() as client:
        started = time.perf_counter()
        answer = await client.post(SHARED, json=BODY, headers=SECRET)
        seconds = time.perf_counter() - started

    assert gateway.problem_of(answer)["code"] == "unavailable"
    assert answer.headers["retry-after"] == "5"
    assert 0.8 < seconds < 1.5


async def test_a_bug_is_a_500_that_says_nothing(gateway: Any) -> None:
    gateway.producer = object()
    with capture_logs() as logs:
        async with gateway.client() as client:
            answer = await client.post(SHARED, json=BODY, headers=SECRET)

    assert gateway.problem_of(answer)["code"] == "internal"
    assert "publish" not in answer.text
    assert "webhook.failed" in [line["event"] for line in logs]


async def test_secrets_are_in_no_log_and_no_answer(gateway: Any) -> None:
    path, secret = gateway.address()
    answers = []
    with capture_logs() as logs:
        async with gateway.client() as client:
            for given in (secret, "a-wrong-secret", ""):
                headers = {"X-Webhook-Secret": given}
                answers.append(await client.post(path, json=BODY, headers=headers))
                answers.append(await client.post(path, content=b"{", headers=headers))
            answers.append(await client.post(SHARED, json=BODY, headers=gateway.jwt("guess" * 8)))
    said = repr(logs) + "".join(answer.text + repr(answer.headers) for answer in answers)

    for hidden in (secret, gateway.secret, "a-wrong-secret", "the-instances-token", path[22:]):
        assert hidden not in said
    for record in gateway.bus.records(Topic.EVOLUTION_WEBHOOKS):
        assert b"the-instances-token" not in record.value
        assert secret.encode() not in record.value


async def test_knocking_with_a_wrong_secret_does_not_fill_the_log(gateway: Any) -> None:
    with capture_logs() as logs:
        async with gateway.client() as client:
            for _ in range(100):
                await client.post(SHARED, json=BODY)

    assert len(logs) == 20


@pytest.mark.parametrize("declared", [True, False])
async def test_a_large_body_beside_other_large_ones_comes_again(
    gateway: Any, knock: Any, declared: bool
) -> None:
    gateway.held_bytes = 1_000_000
    app, read = gateway.app(), []

    async def receive() -> Any:
        read.append(True)
        return {"type": "http.request", "body": b" " * 100_000, "more_body": True}

    size = [(b"content-length", b"600000")] if declared else []
    with gateway.room.taken() as take:
        take(500_000)
        sent = await knock(receive, *size, app=app)
        assert gateway.room.held == 500_000

    assert sent[0]["status"] == 503
    assert (b"retry-after", b"5") in sent[0]["headers"]
    assert b"large bodies" in sent[1]["body"]
    assert len(read) == (0 if declared else 6)


async def test_a_small_body_finds_room_beside_large_ones_and_a_large_one_leaves_it(
    gateway: Any,
) -> None:
    gateway.held_bytes = 1_000_000
    large = {**BODY, "data": {"base64": "A" * 900_000}}
    async with gateway.client() as client:
        with gateway.room.taken() as take:
            take(1_000_000)
            small = await client.post(SHARED, json=BODY, headers=SECRET)
        answers = [await client.post(SHARED, json=large, headers=SECRET) for _ in range(2)]

    assert [answer.status_code for answer in (small, *answers)] == [200, 200, 200]
    assert gateway.room.held == 0
