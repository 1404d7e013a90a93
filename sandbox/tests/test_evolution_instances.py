"""Instances: create, connect, close, delete, and the events they cause."""

from __future__ import annotations

import base64
from typing import Any

import httpx2
import pytest

from sandbox.app import Sandbox
from sandbox.testing import WebhookReceiver, eventually

BAILEYS = "WHATSAPP-BAILEYS"
HOOK: dict[str, Any] = {"url": "http://gateway/hooks", "events": []}


async def create(evolution: httpx2.AsyncClient, name: str, **more: Any) -> httpx2.Response:
    body = {"instanceName": name, "integration": BAILEYS, **more}
    return await evolution.post("/instance/create", json=body)


async def test_create_answers_token_webhook_and_qr(evolution: httpx2.AsyncClient) -> None:
    answer = await create(evolution, "shop-1", qrcode=True, webhook=HOOK)
    body = answer.json()

    assert answer.status_code == 201
    assert body["instance"]["instanceName"] == "shop-1"
    assert body["instance"]["status"] == "connecting"
    assert body["hash"]
    assert body["webhook"]["webhookUrl"] == HOOK["url"]
    assert set(body["qrcode"]) == {"pairingCode", "code", "base64", "count"}
    picture = base64.b64decode(body["qrcode"]["base64"].removeprefix("data:image/png;base64,"))
    assert picture.startswith(b"\x89PNG")


async def test_create_without_qr_stays_closed(evolution: httpx2.AsyncClient) -> None:
    body = (await create(evolution, "shop-1")).json()

    assert body["instance"]["status"] == "close"
    assert "qrcode" not in body


async def test_a_taken_name_is_a_403(evolution: httpx2.AsyncClient) -> None:
    await create(evolution, "shop-1")
    answer = await create(evolution, "shop-1")

    assert answer.status_code == 403
    assert answer.json()["response"]["message"] == ['This name "shop-1" is already in use.']


async def test_create_without_events_fails_and_blocks_the_name_for_a_while(
    evolution: httpx2.AsyncClient, app: Sandbox
) -> None:
    failed = await create(evolution, "shop-1", webhook={"url": "http://gateway/hooks"})
    retried = await create(evolution, "shop-1", webhook=HOOK)

    assert failed.status_code == 400
    assert "reading 'length'" in failed.json()["response"]["message"][0]
    assert retried.status_code == 403
    await eventually(lambda: "shop-1" not in app.world.evolution.instances)
    assert (await create(evolution, "shop-1", webhook=HOOK)).status_code == 201


@pytest.mark.parametrize("integration", [None, "WHATSAPP"])
async def test_create_needs_a_known_integration(
    evolution: httpx2.AsyncClient, integration: str | None
) -> None:
    body = {"instanceName": "shop-1", "integration": integration}
    answer = await evolution.post("/instance/create", json=body)

    assert answer.status_code == 400
    assert answer.json()["response"]["message"] == ["Invalid integration"]


async def test_create_needs_the_global_key(anonymous: httpx2.AsyncClient, loja: str) -> None:
    answer = await anonymous.post(
        "/evolution/instance/create",
        json={"instanceName": "x", "integration": BAILEYS},
        headers={"apikey": "tok-loja"},
    )

    assert answer.status_code == 401


async def test_connect_shows_a_code_then_says_open(
    evolution: httpx2.AsyncClient, door: httpx2.AsyncClient
) -> None:
    await create(evolution, "shop-1")

    first = (await evolution.get("/instance/connect/shop-1")).json()
    again = (await evolution.get("/instance/connect/shop-1")).json()
    await door.post("/evolution/instances/shop-1/scan")
    opened = (await evolution.get("/instance/connect/shop-1")).json()

    assert first["code"].startswith("2@")
    assert first["pairingCode"] is None
    assert again == first
    assert opened == {"instance": {"instanceName": "shop-1", "state": "open"}}


async def test_connect_with_a_number_gives_a_pairing_code(evolution: httpx2.AsyncClient) -> None:
    await create(evolution, "shop-1")
    answer = await evolution.get("/instance/connect/shop-1", params={"number": "5511999990003"})

    assert len(answer.json()["pairingCode"]) == 8


async def test_the_way_to_open_is_told_with_the_sender_from_then_on(
    loja: str, receiver: WebhookReceiver
) -> None:
    await eventually(lambda: len(receiver.of("connection.update")) == 3)

    assert receiver.of("instance.create")
    qr = receiver.of("qrcode.updated")[0]
    assert set(qr.data["qrcode"]) == {"instance", "pairingCode", "code", "base64"}
    assert "sender" not in qr.body
    opened = receiver.of("connection.update")[-1]
    assert opened.data == {
        "instance": "loja",
        "wuid": "5511999990003@s.whatsapp.net",
        "profileName": "Loja Teste",
        "profilePictureUrl": opened.data["profilePictureUrl"],
        "state": "open",
        "statusReason": 200,
    }
    assert opened.body["sender"] == "5511999990003@s.whatsapp.net"


async def test_a_logout_from_the_phone_tells_three_events(
    evolution: httpx2.AsyncClient, door: httpx2.AsyncClient, loja: str, receiver: WebhookReceiver
) -> None:
    await eventually(lambda: len(receiver.of("connection.update")) == 3)
    await door.post(f"/evolution/instances/{loja}/close", json={"reason": 401})

    await eventually(lambda: len(receiver.of("connection.update")) == 4)
    await eventually(lambda: receiver.of("status.instance") and receiver.of("logout.instance"))
    closed = {"instance": "loja", "state": "close", "statusReason": 401}
    assert receiver.of("connection.update")[-1].data == closed
    assert receiver.of("logout.instance")[0].data is None
    status = receiver.of("status.instance")[0].data
    assert status["disconnectionReasonCode"] == 401
    assert isinstance(status["disconnectionObject"], str)
    row = (await evolution.get("/instance/fetchInstances")).json()[0]
    assert (row["connectionStatus"], row["disconnectionReasonCode"]) == ("close", 401)


async def test_a_transient_loss_tells_no_close(
    door: httpx2.AsyncClient, loja: str, receiver: WebhookReceiver
) -> None:
    await eventually(lambda: len(receiver.of("connection.update")) == 3)
    await door.post(f"/evolution/instances/{loja}/transient", json={"seconds": 0.01})
    await eventually(lambda: len(receiver.of("connection.update")) == 5)

    states = [webhook.data["state"] for webhook in receiver.of("connection.update")[3:]]
    assert states == ["connecting", "open"]


async def test_the_limit_of_codes_has_no_qrcode_key(
    evolution: httpx2.AsyncClient, door: httpx2.AsyncClient, receiver: WebhookReceiver
) -> None:
    await create(evolution, "shop-1", qrcode=True, webhook=HOOK)
    await door.post("/evolution/instances/shop-1/refuse")
    await eventually(lambda: len(receiver.of("qrcode.updated")) == 2)
    await eventually(lambda: len(receiver.of("connection.update")) == 2)

    assert receiver.of("qrcode.updated")[1].data["statusCode"] == 500
    refused = receiver.of("connection.update")[1].data
    assert (refused["state"], refused["statusReason"]) == ("refused", 428)


async def test_a_storm_tells_connecting_that_often(
    door: httpx2.AsyncClient, loja: str, app: Sandbox
) -> None:
    await door.post(f"/evolution/instances/{loja}/storm", json={"count": 200})

    counters = app.world.evolution.courier.journal.summary()
    assert counters["by_event"]["CONNECTION_UPDATE"] == 203


async def test_logout_of_a_closed_instance_is_a_400(evolution: httpx2.AsyncClient) -> None:
    await create(evolution, "shop-1")
    answer = await evolution.delete("/instance/logout/shop-1")

    assert answer.status_code == 400


async def test_restart_of_a_closed_instance_fails_with_200(evolution: httpx2.AsyncClient) -> None:
    await create(evolution, "shop-1")
    answer = await evolution.post("/instance/restart/shop-1")

    assert answer.status_code == 200
    assert answer.json() == {"error": True, "message": "[object Object]"}


async def test_delete_waits_for_its_own_webhook(
    evolution: httpx2.AsyncClient, loja: str, receiver: WebhookReceiver, app: Sandbox
) -> None:
    await eventually(lambda: len(receiver.of("connection.update")) == 3)
    receiver.statuses.extend([503] * 12)
    answer = await evolution.delete(f"/instance/delete/{loja}")
    taken = await create(evolution, loja)

    assert answer.json()["response"] == {"message": "Instance deleted"}
    assert taken.status_code == 403
    await eventually(lambda: loja not in app.world.evolution.instances)
    assert receiver.of("remove.instance")[-1].data is None


async def test_delete_with_the_webhook_off_is_soon_done(
    evolution: httpx2.AsyncClient, loja: str, app: Sandbox, receiver: WebhookReceiver
) -> None:
    off = {"webhook": {"enabled": False, "url": "http://gateway/hooks"}}
    await evolution.post(f"/webhook/set/{loja}", json=off)
    await evolution.delete(f"/instance/delete/{loja}")
    await eventually(lambda: loja not in app.world.evolution.instances)

    assert (await evolution.get(f"/instance/connectionState/{loja}")).status_code == 404
    assert not receiver.of("remove.instance")


async def test_fetch_shows_the_token_owner_only_its_own(
    anonymous: httpx2.AsyncClient, evolution: httpx2.AsyncClient, loja: str
) -> None:
    await create(evolution, "other")

    everything = (await evolution.get("/instance/fetchInstances")).json()
    own = await anonymous.get("/evolution/instance/fetchInstances", headers={"apikey": "tok-loja"})
    wrong = await anonymous.get("/evolution/instance/fetchInstances", headers={"apikey": "no"})
    absent = await evolution.get("/instance/fetchInstances", params={"instanceName": "ghost"})

    assert {row["name"] for row in everything} == {"loja", "other"}
    assert [row["name"] for row in own.json()] == ["loja"]
    assert own.json()[0]["token"] == "tok-loja"
    assert (wrong.status_code, absent.status_code) == (401, 404)


async def test_the_evolution_channel_is_always_open(evolution: httpx2.AsyncClient) -> None:
    body = {"instanceName": "evo1", "integration": "EVOLUTION"}
    created = (await evolution.post("/instance/create", json=body)).json()
    connected = (await evolution.get("/instance/connect/evo1")).json()

    assert created["instance"]["status"] == "open"
    assert connected == {}
