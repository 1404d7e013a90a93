"""Send calls: answers, records, echoes, acknowledgements."""

from __future__ import annotations

import base64
from typing import Any

import httpx2
import pytest

from sandbox.app import Sandbox
from sandbox.evolution.jids import to_jid
from sandbox.testing import WebhookReceiver, eventually

ANA = "5511988880001"


async def test_a_text_is_answered_recorded_echoed_and_acknowledged(
    evolution: httpx2.AsyncClient, door: httpx2.AsyncClient, loja: str, receiver: WebhookReceiver
) -> None:
    body = {"number": ANA, "text": "hello"}
    answer = await evolution.post(f"/message/sendText/{loja}", json=body)
    message = answer.json()

    assert answer.status_code == 201
    assert message["key"]["remoteJid"] == f"{ANA}@s.whatsapp.net"
    assert message["key"]["id"].startswith("3EB0")
    assert len(message["key"]["id"]) == 22
    assert (message["status"], message["pushName"]) == ("PENDING", "Você")
    assert message["messageType"] == "conversation"
    assert set(message) == {
        "key",
        "pushName",
        "status",
        "message",
        "contextInfo",
        "messageType",
        "messageTimestamp",
        "instanceId",
        "source",
    }
    [sent] = (await door.get("/evolution/sent")).json()
    assert sent["key_id"] == message["key"]["id"]
    assert (sent["seq"], sent["number"], sent["kind"], sent["body"]) == (1, ANA, "text", body)
    await eventually(lambda: len(receiver.of("messages.update")) == 3)
    assert receiver.of("send.message")[0].data == message
    statuses = [webhook.data["status"] for webhook in receiver.of("messages.update")]
    assert sorted(statuses) == ["DELIVERY_ACK", "READ", "SERVER_ACK"]
    update = receiver.of("messages.update")[0].data
    assert set(update) == {"keyId", "remoteJid", "fromMe", "status", "instanceId", "messageId"}
    assert update["keyId"] == message["key"]["id"]


@pytest.mark.parametrize(
    ("number", "jid"),
    [
        ("5511988880001", "5511988880001@s.whatsapp.net"),
        ("5531988880001", "553188880001@s.whatsapp.net"),
        ("+55 (31) 98888-0001", "553188880001@s.whatsapp.net"),
        ("5531938880001", "5531938880001@s.whatsapp.net"),
        ("553188880001", "553188880001@s.whatsapp.net"),
        ("5215512345678", "525512345678@s.whatsapp.net"),
        ("5491112345678", "541112345678@s.whatsapp.net"),
        ("14155550100", "14155550100@s.whatsapp.net"),
        ("120363000000000001", "120363000000000001@g.us"),
        ("200000000000001@lid", "200000000000001@lid"),
    ],
)
def test_numbers_become_addresses_by_evolutions_rules(number: str, jid: str) -> None:
    assert to_jid(number) == jid


async def test_whatsapp_may_know_a_number_under_another_address(
    evolution: httpx2.AsyncClient, door: httpx2.AsyncClient, loja: str
) -> None:
    await door.post("/evolution/numbers", json={"known_as": {ANA: "551188880001"}})
    answer = await evolution.post(f"/message/sendText/{loja}", json={"number": ANA, "text": "x"})

    assert answer.json()["key"]["remoteJid"] == "551188880001@s.whatsapp.net"
    [sent] = (await door.get("/evolution/sent")).json()
    assert (sent["number"], sent["remote_jid"]) == (ANA, "551188880001@s.whatsapp.net")


PNG = base64.b64encode(b"\x89PNG....").decode()
SENDS: list[tuple[str, dict[str, Any], str]] = [
    ("sendMedia", {"mediatype": "image", "media": PNG, "caption": "c"}, "imageMessage"),
    ("sendMedia", {"mediatype": "video", "media": "https://x.test/v.mp4"}, "videoMessage"),
    (
        "sendMedia",
        {"mediatype": "document", "media": PNG, "fileName": "a.pdf"},
        "documentMessage",
    ),
    ("sendWhatsAppAudio", {"audio": PNG}, "audioMessage"),
    ("sendSticker", {"sticker": PNG}, "stickerMessage"),
    (
        "sendLocation",
        {"latitude": -23.5, "longitude": -46.6, "name": "Praça", "address": "Centro"},
        "locationMessage",
    ),
    (
        "sendContact",
        {"contact": [{"fullName": "Bia", "wuid": "5511977770001", "phoneNumber": "5511977770001"}]},
        "contactMessage",
    ),
    (
        "sendButtons",
        {"title": "t", "buttons": [{"type": "reply", "displayText": "Yes", "id": "y"}]},
        "viewOnceMessage",
    ),
    (
        "sendList",
        {
            "title": "t",
            "description": "d",
            "buttonText": "b",
            "footerText": "f",
            "sections": [{"title": "s", "rows": [{"title": "r", "rowId": "1"}]}],
        },
        "listMessage",
    ),
    (
        "sendPoll",
        {"name": "q", "selectableCount": 1, "values": ["a", "b"]},
        "pollCreationMessageV3",
    ),
]


@pytest.mark.parametrize(("call", "body", "message_type"), SENDS)
async def test_every_kind_is_sent(
    evolution: httpx2.AsyncClient,
    door: httpx2.AsyncClient,
    loja: str,
    call: str,
    body: dict[str, Any],
    message_type: str,
) -> None:
    answer = await evolution.post(f"/message/{call}/{loja}", json={"number": ANA, **body})

    assert answer.status_code == 201, answer.text
    assert answer.json()["messageType"] == message_type
    assert len((await door.get("/evolution/sent")).json()) == 1


@pytest.mark.parametrize(
    ("call", "body", "complaint"),
    [
        ("sendMedia", {"mediatype": "image", "media": f"data:image/png;base64,{PNG}"}, "Owned"),
        ("sendMedia", {"mediatype": "film", "media": PNG}, "enum values"),
        ("sendMedia", {"mediatype": "document", "media": PNG}, "file name"),
        ("sendWhatsAppAudio", {}, "Owned media"),
        (
            "sendButtons",
            {"title": "t", "buttons": [{"type": "reply"} for _ in range(4)]},
            "Maximum of 3",
        ),
        ("sendText", {"text": "x", "delay": "soon"}, "milliseconds"),
        ("sendText", {"text": "x", "delay": 1.5}, "milliseconds"),
        ("sendText", {"text": 5}, "not of a type(s) string"),
    ],
)
async def test_wrong_bodies_are_refused(
    evolution: httpx2.AsyncClient,
    door: httpx2.AsyncClient,
    loja: str,
    call: str,
    body: dict[str, Any],
    complaint: str,
) -> None:
    answer = await evolution.post(f"/message/{call}/{loja}", json={"number": ANA, **body})

    assert answer.status_code == 400
    assert complaint in str(answer.json()["response"]["message"])
    assert (await door.get("/evolution/sent")).json() == []


@pytest.mark.parametrize(("emoji", "status"), [("👍", 201), ("", 201), ("ok", 400), ("👍👎", 400)])
async def test_a_reaction_is_one_emoji_or_none(
    evolution: httpx2.AsyncClient, loja: str, emoji: str, status: int
) -> None:
    key = {"remoteJid": f"{ANA}@s.whatsapp.net", "fromMe": False, "id": "3A1"}
    body = {"key": key, "reaction": emoji}
    answer = await evolution.post(f"/message/sendReaction/{loja}", json=body)

    assert answer.status_code == status


async def test_a_quoted_message_is_found_and_an_unknown_one_ignored(
    evolution: httpx2.AsyncClient, door: httpx2.AsyncClient, loja: str
) -> None:
    written = await door.post(
        f"/evolution/instances/{loja}/inbound", json={"from": ANA, "text": "question"}
    )
    quoted = {"key": {"id": written.json()["message_id"]}}
    body = {"number": ANA, "text": "answer"}

    known = await evolution.post(f"/message/sendText/{loja}", json={**body, "quoted": quoted})
    unknown = await evolution.post(
        f"/message/sendText/{loja}", json={**body, "quoted": {"key": {"id": "ghost"}}}
    )

    assert known.json()["contextInfo"]["stanzaId"] == written.json()["message_id"]
    assert "stanzaId" not in unknown.json()["contextInfo"]


async def test_a_multipart_file_is_sent(evolution: httpx2.AsyncClient, loja: str) -> None:
    answer = await evolution.post(
        f"/message/sendMedia/{loja}",
        data={"number": ANA, "mediatype": "document"},
        files={"file": ("a.pdf", b"%PDF-1.4\r\n--x\r\n", "application/pdf")},
    )

    assert answer.status_code == 201, answer.text
    document = answer.json()["message"]["documentMessage"]
    assert document["fileName"] == "a.pdf"
    assert base64.b64decode(answer.json()["message"]["base64"]) == b"%PDF-1.4\r\n--x\r\n"


async def test_the_cloud_channel_says_fromme_false_in_its_own_words(
    evolution: httpx2.AsyncClient, receiver: WebhookReceiver
) -> None:
    await evolution.post(
        "/instance/create",
        json={
            "instanceName": "cloud",
            "integration": "WHATSAPP-BUSINESS",
            "number": "123",
            "token": "meta",
            "businessId": "456",
            "webhook": {"url": "http://gateway/hooks", "events": []},
        },
    )
    answer = await evolution.post("/message/sendText/cloud", json={"number": ANA, "text": "x"})
    await eventually(lambda: len(receiver.of("messages.update")) == 3)

    assert answer.json()["key"]["id"].startswith("wamid.")
    updates = [webhook.data for webhook in receiver.of("messages.update")]
    assert {update["status"] for update in updates} == {"SENT", "DELIVERED", "READ"}
    assert {update["fromMe"] for update in updates} == {False}


async def test_groups_get_no_acknowledgements(
    evolution: httpx2.AsyncClient, loja: str, receiver: WebhookReceiver
) -> None:
    body = {"number": "120363000000000001@g.us", "text": "hi all"}
    await evolution.post(f"/message/sendText/{loja}", json=body)
    await evolution.post(f"/message/sendText/{loja}", json={"number": ANA, "text": "hi"})
    await eventually(lambda: len(receiver.of("messages.update")) == 3)

    assert {webhook.data["remoteJid"] for webhook in receiver.of("messages.update")} == {
        f"{ANA}@s.whatsapp.net"
    }


async def test_acknowledgements_can_be_planned_and_told_by_hand(
    evolution: httpx2.AsyncClient,
    door: httpx2.AsyncClient,
    loja: str,
    receiver: WebhookReceiver,
    app: Sandbox,
) -> None:
    await door.post("/evolution/acks", json={"enabled": False})
    sent = await evolution.post(f"/message/sendText/{loja}", json={"number": ANA, "text": "x"})
    key_id = sent.json()["key"]["id"]

    await door.post(f"/evolution/instances/{loja}/ack", json={"key_id": key_id, "status": "PLAYED"})
    await eventually(lambda: receiver.of("messages.update"))

    statuses = await evolution.post(
        f"/chat/findStatusMessage/{loja}", json={"where": {"id": key_id}}
    )
    assert [row["status"] for row in statuses.json()] == ["PLAYED"]


async def test_an_ack_for_a_message_nobody_stored_is_refused_at_the_door(
    door: httpx2.AsyncClient, loja: str
) -> None:
    order = {"key_id": "ghost", "status": "READ"}
    assert (await door.post(f"/evolution/instances/{loja}/ack", json=order)).status_code == 404


async def test_a_deleted_sent_list_keeps_counting(
    evolution: httpx2.AsyncClient, door: httpx2.AsyncClient, loja: str
) -> None:
    body = {"number": ANA, "text": "x"}
    await evolution.post(f"/message/sendText/{loja}", json=body)
    await door.delete("/evolution/sent")
    await evolution.post(f"/message/sendText/{loja}", json=body)

    [sent] = (await door.get("/evolution/sent", params={"since": 1, "instance": loja})).json()
    assert sent["seq"] == 2
