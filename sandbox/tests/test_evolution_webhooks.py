"""Delivery: headers, tokens, paths, subscriptions and faults."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import httpx2
import pytest

from sandbox.app import Sandbox, create_app
from sandbox.settings import Settings
from sandbox.testing import WebhookReceiver, eventually, serving

ANA = "5511988880001"


async def subscribe(evolution: httpx2.AsyncClient, **block: Any) -> None:
    hook = {"enabled": True, "url": "http://gateway/hooks", "events": ["MESSAGES_UPSERT"], **block}
    answer = await evolution.post("/webhook/set/loja", json={"webhook": hook})
    assert answer.status_code == 201, answer.text


async def write(door: httpx2.AsyncClient, text: str) -> str:
    order = {"from": ANA, "text": text}
    answer = await door.post("/evolution/instances/loja/inbound", json=order)
    return str(answer.json()["message_id"])


async def settled(app: Sandbox, receiver: WebhookReceiver) -> None:
    journal = app.world.evolution.courier.journal
    await eventually(lambda: journal.summary()["by_outcome"]["pending"] == 0)
    receiver.received.clear()


def texts(receiver: WebhookReceiver) -> list[str]:
    return [hook.data["message"]["conversation"] for hook in receiver.of("messages.upsert")]


async def test_the_instances_headers_come_along(
    door: httpx2.AsyncClient, loja: str, receiver: WebhookReceiver
) -> None:
    await write(door, "hi")
    [webhook] = await eventually(lambda: receiver.of("messages.upsert"))

    assert webhook.headers["x-hook-secret"] == "s3cret"
    assert webhook.headers["user-agent"].startswith("axios/1.")
    assert webhook.headers["content-type"] == "application/json"
    assert webhook.path == "/hooks"
    assert webhook.body["apikey"] == "tok-loja"


async def test_the_date_is_local_time_with_a_false_z(
    door: httpx2.AsyncClient, loja: str, receiver: WebhookReceiver
) -> None:
    await write(door, "hi")
    [webhook] = await eventually(lambda: receiver.of("messages.upsert"))

    three_hours_ago = time.strftime("%Y-%m-%dT%H", time.gmtime(time.time() - 3 * 3600))
    assert webhook.body["date_time"].startswith(three_hours_ago[:13])
    assert webhook.body["date_time"].endswith("Z")


async def test_a_jwt_key_becomes_a_token_made_once_per_event(
    door: httpx2.AsyncClient,
    evolution: httpx2.AsyncClient,
    loja: str,
    receiver: WebhookReceiver,
    app: Sandbox,
) -> None:
    await settled(app, receiver)
    await subscribe(evolution, headers={"jwt_key": "k3y", "x-other": "1"})
    receiver.statuses.append(503)
    await write(door, "hi")
    await eventually(lambda: len(receiver.of("messages.upsert")) == 2)

    first, second = receiver.of("messages.upsert")
    assert first.headers["authorization"] == second.headers["authorization"]
    assert "jwt_key" not in first.headers
    assert first.headers["x-other"] == "1"
    head, claims, signature = first.headers["authorization"].removeprefix("Bearer ").split(".")
    mac = hmac.new(b"k3y", f"{head}.{claims}".encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64encode(mac).rstrip(b"=").decode() == signature
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    assert (said["app"], said["action"], said["exp"] - said["iat"]) == ("evolution", "webhook", 600)


@pytest.mark.parametrize(
    ("url", "path"),
    [("http://gateway/hooks", "/hooks/messages-upsert"), ("http://g/h/", "/h//messages-upsert")],
)
async def test_by_events_appends_the_event_to_the_path(
    door: httpx2.AsyncClient,
    evolution: httpx2.AsyncClient,
    loja: str,
    receiver: WebhookReceiver,
    url: str,
    path: str,
) -> None:
    await subscribe(evolution, byEvents=True, url=url)
    await write(door, "hi")
    [webhook] = await eventually(lambda: receiver.of("messages.upsert"))

    assert webhook.path == path
    assert webhook.body["destination"] == url


async def test_only_subscribed_events_are_told(
    door: httpx2.AsyncClient,
    evolution: httpx2.AsyncClient,
    loja: str,
    receiver: WebhookReceiver,
    app: Sandbox,
) -> None:
    await settled(app, receiver)
    await subscribe(evolution, events=["SEND_MESSAGE"])
    await write(door, "hi")
    await evolution.post(f"/message/sendText/{loja}", json={"number": ANA, "text": "x"})
    await eventually(lambda: receiver.of("send.message"))

    assert set(receiver.events()) == {"send.message"}


async def test_a_url_that_is_not_http_is_stored_and_never_called(
    door: httpx2.AsyncClient, evolution: httpx2.AsyncClient, loja: str
) -> None:
    await subscribe(evolution, url="ftp://nowhere")
    await write(door, "hi")

    async def unreachable() -> int:
        counters = (await door.get("/evolution/webhooks")).json()["by_outcome"]
        return int(counters["unreachable"])

    assert await unreachable() == 1


async def test_webhooks_can_be_dropped_duplicated_and_reordered(
    door: httpx2.AsyncClient,
    evolution: httpx2.AsyncClient,
    loja: str,
    receiver: WebhookReceiver,
    app: Sandbox,
) -> None:
    await settled(app, receiver)
    await subscribe(evolution)
    for fault, text in [
        ("drop_webhook", "dropped"),
        ("duplicate_webhook", "doubled"),
        ("reorder_webhooks", "late"),
    ]:
        order = {
            "provider": "evolution",
            "call": "MESSAGES_UPSERT",
            "fault": fault,
            "where": {"contains": text},
            "seconds": 30,
        }
        assert (await door.post("/faults", json=order)).status_code == 201
    for text in ["dropped", "doubled", "late", "early"]:
        await write(door, text)
    await eventually(lambda: len(receiver.received) == 4)

    assert sorted(texts(receiver)) == ["doubled", "doubled", "early", "late"]
    assert texts(receiver).index("early") < texts(receiver).index("late")


async def test_webhooks_leave_over_real_http() -> None:
    receiver = WebhookReceiver()
    app = create_app(Settings(connect_scale=0))
    async with serving(receiver) as gateway, serving(app) as sandbox:
        key = {"apikey": app.world.settings.evolution_api_key}
        async with httpx2.AsyncClient(base_url=sandbox, headers=key) as client:
            body = {
                "instanceName": "shop",
                "integration": "WHATSAPP-BAILEYS",
                "webhook": {"url": f"{gateway}/hooks", "events": []},
            }
            await client.post("/evolution/instance/create", json=body)
            await eventually(lambda: receiver.of("instance.create"))

    assert set(receiver.of("instance.create")[0].data) == {"instanceName", "instanceId"}
