"""Both webhook routes, from the request to the record."""

import time
from typing import Any

import httpx2
import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from structlog.testing import capture_logs

from common.contracts import EvolutionWebhookReceived, Topic
from common.telemetry import child, metrics

SHARED = "/api/webhook/evolution"
SECRET = {"X-Webhook-Secret": "shared-secret-of-evolution"}
BODY = {
    "event": "messages.upsert",
    "instance": "shop-1",
    "data": {"key": {"id": "3A"}, "text": "olá"},
    "apikey": "the-instances-token",
}
CLEAN = {name: value for name, value in BODY.items() if name != "apikey"}


def evolution_jwt(secret: str, *, age: int = 0) -> dict[str, str]:
    issued = int(time.time()) - age
    claims = {"iat": issued, "exp": issued + 600, "app": "evolution", "action": "webhook"}
    token = jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(secret), algorithms=["HS256"])
    return {"Authorization": f"Bearer {token}"}


def problem_of(response: httpx2.Response) -> dict[str, Any]:
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["status"] == response.status_code
    assert problem["instance"].startswith("urn:parley:request:")
    return problem


async def test_both_routes_publish_the_same_event(gateway: Any) -> None:
    path, secret = gateway.address()
    async with gateway.client() as client:
        shared = await client.post(SHARED, json=BODY, headers=SECRET)
        inbound = await client.post(path, json=BODY, headers={"X-Webhook-Secret": secret})

    assert (shared.status_code, inbound.status_code) == (200, 200)
    events = {envelope.id: envelope for envelope in gateway.events()}
    one, two = (events[answer.json()["event_id"]] for answer in (shared, inbound))
    assert one.event == EvolutionWebhookReceived(instance="shop-1", body=CLEAN)
    assert two.event == one.event.model_copy(update={"integration_id": "int_a", "generation": 3})
    assert (one.tenant, two.tenant) == ("", "ten_a")
    assert gateway.keys() == ["shop-1", "shop-1"]


async def test_the_record_is_what_the_contract_would_write(gateway: Any) -> None:
    path, secret = gateway.address()
    async with gateway.client() as client:
        await client.post(path, json=BODY, headers={"X-Webhook-Secret": secret})

    [record] = gateway.bus.records(Topic.EVOLUTION_WEBHOOKS)
    event = EvolutionWebhookReceived.model_validate_json(record.value)
    assert orjson.loads(record.value) == event.model_dump(mode="json", exclude={"parked"})
    headers = dict(record.headers)
    assert headers["ce_type"] == b"gateway.evolution_webhook.received"
    assert headers["ce_source"] == b"parley/gateway"
    assert headers["ce_time"] == b"2026-11-23T12:00:00+00:00"
    assert len(headers["traceparent"]) == 55


@pytest.mark.parametrize(
    "suffix",
    [
        "",
        "/",
        "/messages-upsert",
        "//messages-upsert",
        "/group-participants-update",
        "/send-message/",
    ],
)
async def test_by_events_addresses_are_the_same_route(gateway: Any, suffix: str) -> None:
    path, secret = gateway.address()
    async with gateway.client() as client:
        shared = await client.post(f"{SHARED}{suffix}", json=BODY, headers=SECRET)
        inbound = await client.post(
            f"{path}{suffix}", json=BODY, headers={"X-Webhook-Secret": secret}
        )

    assert (shared.status_code, inbound.status_code) == (200, 200)
    assert len(gateway.events()) == 2


async def test_evolutions_jwt_opens_both_routes_also_half_an_hour_late(gateway: Any) -> None:
    path, secret = gateway.address()
    async with gateway.client() as client:
        for address, key in ((SHARED, gateway.secret), (path, secret)):
            for age in (0, 600 + 25 * 60):
                answer = await client.post(address, json=BODY, headers=evolution_jwt(key, age=age))
                assert answer.status_code == 200
            late = await client.post(address, json=BODY, headers=evolution_jwt(key, age=600 + 1900))
            assert problem_of(late)["code"] == "unauthenticated"

    assert len(gateway.events()) == 4


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Webhook-Secret": ""},
        {"X-Webhook-Secret": "wrong"},
        {"X-Webhook-Secret": "shared-secret-of-evolution "[:-2]},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic x"},
        evolution_jwt("another-secret-of-somebody"),
    ],
)
async def test_a_wrong_secret_publishes_nothing(gateway: Any, headers: dict[str, str]) -> None:
    path, _ = gateway.address()
    async with gateway.client() as client:
        for address in (SHARED, path):
            answer = await client.post(address, json=BODY, headers=headers)
            assert problem_of(answer)["code"] == "unauthenticated"

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

    assert problem_of(answer)["code"] == "not_found"


async def test_only_post_is_answered(gateway: Any) -> None:
    path, _ = gateway.address()
    async with gateway.client() as client:
        for address in (SHARED, f"{SHARED}/messages-upsert", path):
            for method in ("GET", "PUT", "DELETE"):
                answer = await client.request(method, address, headers=SECRET)
                assert answer.status_code == 405
                assert answer.headers["allow"] == "POST"
                assert problem_of(answer)["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/", "/api/webhook/evolutionary", "/api/webhooks/inbound/", "/x"])
async def test_unknown_paths_are_problems_too(gateway: Any, path: str) -> None:
    async with gateway.client() as client:
        answer = await client.post(path, json=BODY, headers=SECRET)

    assert answer.status_code == 404
    assert problem_of(answer)["code"] == "not_found"


@pytest.mark.parametrize("content_type", ["application/json;charset=utf-8", "Application/JSON"])
async def test_a_charset_does_no_harm(gateway: Any, content_type: str) -> None:
    async with gateway.client() as client:
        headers = {**SECRET, "Content-Type": content_type}
        answer = await client.post(SHARED, content=orjson.dumps(BODY), headers=headers)

    assert answer.status_code == 200


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

    assert problem_of(answer)["code"] == "unsupported_media_type"


async def test_malformed_bodies_are_named_so(gateway: Any) -> None:
    deep = b'{"a":' * 101 + b"1" + b"}" * 101
    headers = {**SECRET, "Content-Type": "application/json"}
    async with gateway.client() as client:
        for raw, words in ((b"{", "not JSON"), (b"[]", "JSON object"), (deep, "100 levels")):
            answer = await client.post(SHARED, content=raw, headers=headers)
            assert answer.status_code == 400
            assert words in problem_of(answer)["detail"]

    assert gateway.events() == []


async def test_a_body_that_says_it_is_too_large_is_not_read(gateway: Any) -> None:
    gateway.max_bytes = 100
    sent: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("the body was read")

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"101"),
        (b"x-webhook-secret", SECRET["X-Webhook-Secret"].encode()),
    ]
    scope = {"type": "http", "method": "POST", "path": SHARED, "headers": headers}
    await gateway.app()(scope, receive, send)

    assert sent[0]["status"] == 413
    assert b"limit of 100 bytes" in sent[1]["body"]


async def test_a_body_that_grows_too_large_is_cut_off(gateway: Any) -> None:
    gateway.max_bytes = 100_000
    chunks = iter(range(1000))
    sent: list[Any] = []

    async def receive() -> Any:
        next(chunks)
        return {"type": "http.request", "body": b" " * 10_000, "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [
        (b"content-type", b"application/json"),
        (b"x-webhook-secret", SECRET["X-Webhook-Secret"].encode()),
    ]
    scope = {"type": "http", "method": "POST", "path": SHARED, "headers": headers}
    await gateway.app()(scope, receive, send)

    assert sent[0]["status"] == 413
    assert (b"connection", b"close") in sent[0]["headers"]
    assert next(chunks) == 11


async def test_a_body_in_pieces_is_put_together(gateway: Any) -> None:
    async def pieces() -> Any:
        raw = orjson.dumps(BODY)
        for at in range(0, len(raw), 7):
            yield raw[at : at + 7]

    headers = {**SECRET, "Content-Type": "application/json"}
    async with gateway.client() as client:
        answer = await client.post(SHARED, content=pieces(), headers=headers)

    assert answer.status_code == 200
    assert [envelope.event.body for envelope in gateway.events()] == [CLEAN]


async def test_a_provider_that_hangs_up_publishes_nothing(gateway: Any) -> None:
    messages = iter(
        [
            {"type": "http.request", "body": b'{"event":', "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    sent: list[Any] = []

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [
        (b"content-type", b"application/json"),
        (b"x-webhook-secret", SECRET["X-Webhook-Secret"].encode()),
    ]
    scope = {"type": "http", "method": "POST", "path": SHARED, "headers": headers}
    await gateway.app()(scope, receive, send)

    assert sent == []
    assert gateway.events() == []


async def test_a_large_body_is_parked_and_travels_as_a_reference(gateway: Any) -> None:
    body = {**BODY, "data": {"base64": "A" * 950_000}}
    async with gateway.client() as client:
        answer = await client.post(SHARED, json=body, headers=SECRET)

    event_id = answer.json()["event_id"]
    [envelope] = gateway.events()
    key = f"webhooks/2026-11-23/{event_id}.json"
    assert envelope.event == EvolutionWebhookReceived(instance="shop-1", parked=key)
    content, content_type = gateway.parking.objects[key]
    assert content_type == "application/json"
    assert orjson.loads(content) == {**CLEAN, "data": body["data"]}


async def test_a_body_that_just_fits_is_not_parked(gateway: Any) -> None:
    body = {"instance": "shop-1", "data": "A" * 899_800}
    async with gateway.client() as client:
        await client.post(SHARED, json=body, headers=SECRET)

    assert gateway.parking.objects == {}
    assert gateway.events()[0].event.body == body


async def test_nothing_is_published_when_the_body_cannot_be_parked(gateway: Any) -> None:
    gateway.parking.away = True
    body = {**BODY, "data": {"base64": "A" * 950_000}}
    async with gateway.client() as client:
        answer = await client.post(SHARED, json=body, headers=SECRET)

    assert problem_of(answer)["status"] == 503
    assert answer.headers["retry-after"] == "5"
    assert gateway.events() == []


async def test_a_silent_kafka_is_answered_with_503_in_time(gateway: Any, never_acks: Any) -> None:
    gateway.producer = never_acks
    async with gateway.client() as client:
        started = time.perf_counter()
        answer = await client.post(SHARED, json=BODY, headers=SECRET)
        seconds = time.perf_counter() - started

    assert problem_of(answer)["code"] == "unavailable"
    assert answer.headers["retry-after"] == "5"
    assert 1.0 < seconds < 1.5


async def test_a_bug_is_a_500_that_says_nothing(gateway: Any) -> None:
    gateway.producer = object()
    with capture_logs() as logs:
        async with gateway.client() as client:
            answer = await client.post(SHARED, json=BODY, headers=SECRET)

    assert problem_of(answer)["code"] == "internal"
    assert "publish" not in answer.text
    assert "webhook.failed" in [line["event"] for line in logs]


@pytest.mark.parametrize(
    ("body", "key"),
    [({"event": "x"}, "int_a"), ({"instance": 7}, "int_a"), ({"instance": "shop"}, "shop")],
)
async def test_the_record_key_is_the_instance_or_else_the_integration(
    gateway: Any, body: dict[str, Any], key: str
) -> None:
    path, secret = gateway.address()
    async with gateway.client() as client:
        await client.post(path, json=body, headers={"X-Webhook-Secret": secret})

    assert gateway.keys() == [key]


async def test_an_unknown_instance_and_event_are_accepted(gateway: Any) -> None:
    async with gateway.client() as client:
        answer = await client.post(SHARED, json={"event": "new.thing"}, headers=SECRET)

    assert answer.status_code == 200
    assert gateway.keys() == [""]


async def test_a_callers_trace_is_continued_and_nonsense_is_not(gateway: Any) -> None:
    good = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    async with gateway.client() as client:
        await client.post(SHARED, json=BODY, headers={**SECRET, "traceparent": good})
        await client.post(SHARED, json=BODY, headers={**SECRET, "traceparent": "x\xff"})

    first, second = (envelope.traceparent for envelope in gateway.events())
    assert first == good
    assert second.startswith("00-")
    assert second != good


async def test_secrets_are_in_no_log_and_no_answer(gateway: Any) -> None:
    path, secret = gateway.address()
    answers = []
    with capture_logs() as logs:
        async with gateway.client() as client:
            for given in (secret, "a-wrong-secret", ""):
                headers = {"X-Webhook-Secret": given}
                answers.append(await client.post(path, json=BODY, headers=headers))
                answers.append(await client.post(path, content=b"{", headers=headers))
            answers.append(await client.post(SHARED, json=BODY, headers=evolution_jwt("guess" * 8)))
    said = repr(logs) + "".join(answer.text + repr(answer.headers) for answer in answers)

    for hidden in (secret, gateway.secret, "a-wrong-secret", "the-instances-token", path[22:]):
        assert hidden not in said
    for record in gateway.bus.records(Topic.EVOLUTION_WEBHOOKS):
        assert b"the-instances-token" not in record.value
        assert secret.encode() not in record.value


async def test_accepted_webhooks_are_counted_and_not_logged(gateway: Any) -> None:
    counter = child(metrics.WEBHOOKS, "webhook/evolution", "accepted")
    before = counter._value.get()
    with capture_logs() as logs:
        async with gateway.client() as client:
            await client.post(SHARED, json=BODY, headers=SECRET)

    assert counter._value.get() == before + 1
    assert logs == []


async def test_knocking_with_a_wrong_secret_does_not_fill_the_log(gateway: Any) -> None:
    with capture_logs() as logs:
        async with gateway.client() as client:
            for _ in range(100):
                await client.post(SHARED, json=BODY)

    assert 20 <= len(logs) <= 30
