"""Retries: the schedule, what is tried again and what is dropped, and the edit that blocks."""

from __future__ import annotations

import itertools
from typing import Any

import httpx2
import pytest

from sandbox.app import Sandbox, create_app
from sandbox.evolution.webhooks import retry_delays
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


def upserts(app: Sandbox) -> list[dict[str, Any]]:
    return app.world.evolution.courier.journal.recent(None, "MESSAGES_UPSERT")


def texts(receiver: WebhookReceiver) -> list[str]:
    return [hook.data["message"]["conversation"] for hook in receiver.of("messages.upsert")]


def test_the_schedule_is_the_documented_one() -> None:
    times = list(itertools.accumulate(retry_delays(10), initial=0))

    assert times == [0, 5, 15, 35, 75, 155, 315, 615, 915, 1215]


@pytest.mark.parametrize("status", [408, 409, 410, 413, 429, 500, 503])
async def test_what_may_heal_is_tried_again(
    door: httpx2.AsyncClient,
    evolution: httpx2.AsyncClient,
    loja: str,
    receiver: WebhookReceiver,
    app: Sandbox,
    status: int,
) -> None:
    await settled(app, receiver)
    await subscribe(evolution)
    receiver.statuses.extend([status, status])
    await write(door, "hi")
    await eventually(lambda: len(receiver.received) == 3)

    await eventually(lambda: upserts(app)[-1]["outcome"] != "pending")
    entry = upserts(app)[-1]
    assert [attempt["status"] for attempt in entry["attempts"]] == [status, status, 200]
    assert entry["outcome"] == "delivered"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_a_refusal_drops_the_event_for_ever(
    door: httpx2.AsyncClient,
    evolution: httpx2.AsyncClient,
    loja: str,
    receiver: WebhookReceiver,
    app: Sandbox,
    status: int,
) -> None:
    await settled(app, receiver)
    await subscribe(evolution)
    receiver.statuses.append(status)
    await write(door, "refused")
    await eventually(lambda: len(receiver.received) == 1)
    await write(door, "next")
    await eventually(lambda: len(receiver.received) == 2)

    summary = (await door.get("/evolution/webhooks")).json()
    assert texts(receiver) == ["refused", "next"]
    assert summary["by_outcome"]["refused"] == 1


async def test_after_ten_attempts_the_event_is_given_up(
    door: httpx2.AsyncClient,
    evolution: httpx2.AsyncClient,
    loja: str,
    receiver: WebhookReceiver,
    app: Sandbox,
) -> None:
    await settled(app, receiver)
    await subscribe(evolution)
    receiver.statuses.extend([503] * 10)
    await write(door, "hi")
    await eventually(lambda: len(receiver.received) == 10)

    await eventually(lambda: upserts(app)[-1]["outcome"] == "gave_up")


@pytest.mark.parametrize("settings", [Settings(connect_scale=0)])
async def test_events_do_not_wait_for_each_other(
    door: httpx2.AsyncClient,
    evolution: httpx2.AsyncClient,
    loja: str,
    receiver: WebhookReceiver,
    app: Sandbox,
) -> None:
    await settled(app, receiver)
    await subscribe(evolution)
    receiver.statuses.append(503)
    await write(door, "stuck for five seconds")
    await write(door, "free")
    await eventually(lambda: len(receiver.received) == 2, seconds=3)

    assert texts(receiver) == ["stuck for five seconds", "free"]


@pytest.mark.parametrize("settings", [Settings(connect_scale=0)])
async def test_while_an_edit_waits_nothing_else_leaves(
    door: httpx2.AsyncClient,
    evolution: httpx2.AsyncClient,
    loja: str,
    receiver: WebhookReceiver,
    app: Sandbox,
) -> None:
    key_id = await write(door, "first")
    await settled(app, receiver)
    await subscribe(evolution, events=["MESSAGES_UPSERT", "MESSAGES_EDITED", "SEND_MESSAGE"])
    receiver.statuses.append(503)
    edit = {"message_id": key_id, "text": "changed"}
    await door.post(f"/evolution/instances/{loja}/edit", json=edit)
    await eventually(lambda: len(receiver.received) == 1)
    await write(door, "second")
    await evolution.post(f"/message/sendText/{loja}", json={"number": ANA, "text": "x"})
    await eventually(lambda: receiver.of("send.message"), seconds=3)

    emitted = app.world.evolution.courier.journal.summary()["by_event"]
    assert emitted["MESSAGES_UPSERT"] == 1
    assert receiver.events() == ["messages.edited", "send.message"]


async def test_after_the_edit_the_rest_leaves_in_order(
    door: httpx2.AsyncClient,
    evolution: httpx2.AsyncClient,
    loja: str,
    receiver: WebhookReceiver,
    app: Sandbox,
) -> None:
    key_id = await write(door, "first")
    await settled(app, receiver)
    await subscribe(evolution, events=["MESSAGES_UPSERT", "MESSAGES_EDITED"])
    receiver.statuses.extend([503, 503])
    edit = {"message_id": key_id, "text": "changed"}
    await door.post(f"/evolution/instances/{loja}/edit", json=edit)
    await write(door, "second")
    await write(door, "third")
    await eventually(lambda: len(receiver.received) == 5)

    events = receiver.events()
    assert events == ["messages.edited"] * 3 + ["messages.upsert"] * 2
    assert texts(receiver) == ["second", "third"]


async def test_an_unreachable_receiver_is_tried_again() -> None:
    app = create_app(Settings(retry_scale=0.0001, webhook_attempts=3))
    async with serving(app) as sandbox:
        key = {"apikey": app.world.settings.evolution_api_key}
        async with httpx2.AsyncClient(base_url=sandbox, headers=key) as client:
            hook = {"url": "http://127.0.0.1:9/hooks", "events": []}
            body = {"instanceName": "s", "integration": "WHATSAPP-BAILEYS", "webhook": hook}
            await client.post("/evolution/instance/create", json=body)
            journal = app.world.evolution.courier.journal
            await eventually(lambda: journal.summary()["by_outcome"]["gave_up"] == 1)

    [entry] = journal.recent(None, None)
    assert [attempt["status"] for attempt in entry["attempts"]] == [None, None, None]
