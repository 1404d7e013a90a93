"""Both webhook routes, from the request to the record."""

import hashlib
from typing import Any

import orjson
import pytest
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
                answer = await client.post(address, json=BODY, headers=gateway.jwt(key, age=age))
                assert answer.status_code == 200
            late = await client.post(address, json=BODY, headers=gateway.jwt(key, age=600 + 1900))
            assert gateway.problem_of(late)["code"] == "unauthenticated"

    assert len(gateway.events()) == 4


@pytest.mark.parametrize("content_type", ["application/json;charset=utf-8", "Application/JSON"])
async def test_a_charset_does_no_harm(gateway: Any, content_type: str) -> None:
    async with gateway.client() as client:
        headers = {**SECRET, "Content-Type": content_type}
        answer = await client.post(SHARED, content=orjson.dumps(BODY), headers=headers)

    assert answer.status_code == 200


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


async def test_a_provider_that_hangs_up_publishes_nothing(gateway: Any, knock: Any) -> None:
    messages = iter(
        [
            {"type": "http.request", "body": b'{"event":', "more_body": True},
            {"type": "http.disconnect"},
        ]
    )

    async def receive() -> Any:
        return next(messages)

    sent = await knock(receive)

    assert sent == []
    assert gateway.events() == []


async def test_a_large_body_is_parked_and_travels_as_a_reference(gateway: Any) -> None:
    body = {**BODY, "data": {"base64": "A" * 950_000}}
    async with gateway.client() as client:
        await client.post(SHARED, json=body, headers=SECRET)

    [envelope] = gateway.events()
    [(key, (content, content_type))] = gateway.parking.objects.items()
    assert envelope.event == EvolutionWebhookReceived(instance="shop-1", parked=key)
    assert key == f"webhooks/{hashlib.sha256(content).hexdigest()}.json"
    assert content_type == "application/json"
    assert orjson.loads(content) == {**CLEAN, "data": body["data"]}


async def test_a_large_body_that_comes_again_because_kafka_was_away_is_parked_once(
    gateway: Any, never_acks: Any
) -> None:
    body = {**BODY, "data": {"base64": "A" * 950_000}}
    gateway.producer = never_acks
    async with gateway.client() as client:
        assert (await client.post(SHARED, json=body, headers=SECRET)).status_code == 503
    gateway.producer = None
    async with gateway.client() as client:
        assert (await client.post(SHARED, json=body, headers=SECRET)).status_code == 200

    [key] = gateway.parking.objects
    assert [envelope.event.parked for envelope in gateway.events()] == [key]


async def test_a_body_that_just_fits_is_not_parked(gateway: Any) -> None:
    body = {"instance": "shop-1", "data": "A" * 899_800}
    async with gateway.client() as client:
        await client.post(SHARED, json=body, headers=SECRET)

    assert gateway.parking.objects == {}
    assert gateway.events()[0].event.body == body


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
        await client.post(SHARED, json=BODY, headers={**SECRET, "traceparent": "00-" + "g" * 52})

    first, second = (envelope.traceparent for envelope in gateway.events())
    assert first == good
    assert second.startswith("00-")
    assert second != good


async def test_accepted_webhooks_are_counted_and_not_logged(gateway: Any) -> None:
    counter = child(metrics.WEBHOOKS, "webhook/evolution", "accepted")
    before = counter._value.get()
    with capture_logs() as logs:
        async with gateway.client() as client:
            await client.post(SHARED, json=BODY, headers=SECRET)

    assert counter._value.get() == before + 1
    assert logs == []
