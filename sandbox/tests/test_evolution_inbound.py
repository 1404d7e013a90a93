"""Who writes, where, how often: what arrives from the WhatsApp side."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from sandbox.testing import ReceivedWebhook, WebhookReceiver, eventually

ANA = "5511988880001"
LID = "200000000000001"


async def arrives(
    door: httpx2.AsyncClient, receiver: WebhookReceiver, **order: Any
) -> ReceivedWebhook:
    answer = await door.post(
        "/evolution/instances/loja/inbound", json={"from": ANA, "lid": LID, **order}
    )
    assert answer.status_code == 201, answer.text
    webhooks = await eventually(lambda: receiver.of("messages.upsert"))
    assert webhooks[0].data["key"]["id"] == answer.json()["message_id"]
    return webhooks[0]


async def test_a_reply_carries_what_it_quotes(
    door: httpx2.AsyncClient,
    evolution: httpx2.AsyncClient,
    loja: str,
    receiver: WebhookReceiver,
) -> None:
    sent = await evolution.post(f"/message/sendText/{loja}", json={"number": ANA, "text": "hello"})
    key_id = sent.json()["key"]["id"]
    webhook = await arrives(door, receiver, text="a quoted reply", reply_to=key_id)

    assert webhook.data["message"] == {"conversation": "a quoted reply"}
    assert webhook.data["contextInfo"] == {
        "mentionedJid": [],
        "groupMentions": [],
        "statusAttributions": [],
        "stanzaId": key_id,
        "participant": "5511999990003@s.whatsapp.net",
        "quotedMessage": {"conversation": "hello"},
    }


async def test_what_the_owner_types_on_the_phone_says_so(
    door: httpx2.AsyncClient, loja: str, receiver: WebhookReceiver
) -> None:
    webhook = await arrives(door, receiver, text="typed on the phone", from_me=True)

    assert webhook.data["key"]["fromMe"] is True
    assert (webhook.data["pushName"], webhook.data["status"]) == ("Você", "SERVER_ACK")
    assert webhook.data["message"] == {"conversation": "typed on the phone"}


async def test_lid_addressing_loses_the_lid_as_2_3_7_does(
    door: httpx2.AsyncClient, loja: str, receiver: WebhookReceiver
) -> None:
    webhook = await arrives(door, receiver, text="lid first", addressing="lid")

    key = webhook.data["key"]
    assert (key["remoteJid"], key["remoteJidAlt"], key["addressingMode"]) == (
        f"{ANA}@s.whatsapp.net",
        f"{ANA}@s.whatsapp.net",
        "lid",
    )


async def test_a_stranger_without_a_phone_has_only_a_lid(
    door: httpx2.AsyncClient, loja: str, receiver: WebhookReceiver
) -> None:
    webhook = await arrives(door, receiver, text="who", **{"from": None})

    assert webhook.data["key"]["remoteJid"] == f"{LID}@lid"
    assert "remoteJidAlt" not in webhook.data["key"]


@pytest.mark.parametrize("addressing", ["pn", "lid"])
async def test_a_group_message_names_its_author_both_ways(
    door: httpx2.AsyncClient, loja: str, receiver: WebhookReceiver, addressing: str
) -> None:
    group = "120363000000000001@g.us"
    webhook = await arrives(
        door,
        receiver,
        text="@5511999990003 help",
        group=group,
        addressing=addressing,
        mentions=["5511999990003"],
    )

    key = webhook.data["key"]
    names = [f"{ANA}@s.whatsapp.net", f"{LID}@lid"]
    if addressing == "lid":
        names.reverse()
    assert key["remoteJid"] == group
    assert [key["participant"], key["participantAlt"]] == names
    assert webhook.data["contextInfo"] == {
        "mentionedJid": ["5511999990003@s.whatsapp.net"],
        "groupMentions": [],
        "statusAttributions": [],
    }


async def test_a_disappearing_text_is_not_flattened(
    door: httpx2.AsyncClient, loja: str, receiver: WebhookReceiver
) -> None:
    webhook = await arrives(door, receiver, text="soon gone", wrap="ephemeral")

    assert webhook.data["messageType"] == "ephemeralMessage"
    inner = webhook.data["message"]["ephemeralMessage"]["message"]
    assert inner == {"extendedTextMessage": {"text": "soon gone"}}


async def test_a_view_once_picture_has_no_inline_bytes(
    door: httpx2.AsyncClient, loja: str, receiver: WebhookReceiver
) -> None:
    webhook = await arrives(door, receiver, kind="image", wrap="view_once")

    assert "base64" not in webhook.data["message"]
    assert "imageMessage" in webhook.data["message"]["viewOnceMessageV2"]["message"]


async def test_an_ad_click_carries_its_ad(
    door: httpx2.AsyncClient, loja: str, receiver: WebhookReceiver
) -> None:
    ad = {"title": "Promo", "sourceId": "1", "ctwaClid": "c"}
    webhook = await arrives(door, receiver, text="hi", referral=ad)

    assert webhook.data["contextInfo"]["externalAdReply"] == ad


async def test_duplicates_arrive_under_one_id_and_are_stored_twice(
    door: httpx2.AsyncClient,
    evolution: httpx2.AsyncClient,
    loja: str,
    receiver: WebhookReceiver,
) -> None:
    webhook = await arrives(door, receiver, text="twice", duplicate=1)
    await eventually(lambda: len(receiver.of("messages.upsert")) == 2)

    assert receiver.of("messages.upsert")[1].data == webhook.data
    found = await evolution.post(f"/chat/findMessages/{loja}", json={})
    assert found.json()["messages"]["total"] == 2


async def test_a_silent_message_is_stored_but_never_told(
    door: httpx2.AsyncClient,
    evolution: httpx2.AsyncClient,
    loja: str,
    receiver: WebhookReceiver,
) -> None:
    path = f"/evolution/instances/{loja}/inbound"
    await door.post(path, json={"from": ANA, "text": "lost", "silent": True})
    await arrives(door, receiver, text="told")

    assert len(receiver.of("messages.upsert")) == 1
    found = await evolution.post(f"/chat/findMessages/{loja}", json={})
    assert found.json()["messages"]["total"] == 2


async def test_a_batch_arrives_at_its_rate(
    door: httpx2.AsyncClient, loja: str, receiver: WebhookReceiver
) -> None:
    messages = [{"from": f"55119888{n:05d}", "text": str(n)} for n in range(60)]
    answer = await door.post(
        f"/evolution/instances/{loja}/inbound-batch", json={"messages": messages, "rate": 2000}
    )
    await eventually(lambda: len(receiver.of("messages.upsert")) == 60)

    assert len(set(answer.json()["message_ids"])) == 60


async def test_an_edit_and_a_revoke_are_raw_protobuf(
    door: httpx2.AsyncClient, loja: str, receiver: WebhookReceiver
) -> None:
    webhook = await arrives(door, receiver, text="hello")
    key_id = webhook.data["key"]["id"]
    path = f"/evolution/instances/{loja}"
    await door.post(f"{path}/edit", json={"message_id": key_id, "text": "hello (edited)"})
    await door.post(f"{path}/revoke", json={"message_id": key_id})
    await eventually(lambda: len(receiver.of("messages.edited")) == 2)
    await eventually(lambda: receiver.of("messages.delete"))

    edited, revoked = (webhook.data for webhook in receiver.of("messages.edited"))
    bare = {"remoteJid": f"{ANA}@s.whatsapp.net", "fromMe": False, "id": key_id}
    assert edited == {
        "key": bare,
        "type": "MESSAGE_EDIT",
        "editedMessage": {"conversation": "hello (edited)"},
        "timestampMs": edited["timestampMs"],
    }
    assert isinstance(edited["timestampMs"], str)
    assert revoked == {"key": bare, "type": "REVOKE"}
    deleted = receiver.of("messages.delete")[0].data
    assert deleted == webhook.data["key"] | {"status": "DELETED"}


async def test_the_evolution_channel_has_its_own_plain_shape(
    door: httpx2.AsyncClient, evolution: httpx2.AsyncClient, receiver: WebhookReceiver
) -> None:
    hook = {"url": "http://gateway/hooks", "events": []}
    body = {"instanceName": "evo1", "integration": "EVOLUTION", "webhook": hook}
    await evolution.post("/instance/create", json=body)
    await door.post("/evolution/instances/evo1/inbound", json={"from": ANA, "text": "hello"})
    [webhook] = await eventually(lambda: receiver.of("messages.upsert"))

    assert set(webhook.data) == {
        "key",
        "pushName",
        "message",
        "messageType",
        "messageTimestamp",
        "source",
        "instanceId",
    }
    assert set(webhook.data["key"]) == {"id", "remoteJid", "fromMe"}
    assert "sender" not in webhook.body


async def test_nothing_arrives_before_the_scan(
    door: httpx2.AsyncClient, evolution: httpx2.AsyncClient
) -> None:
    body = {"instanceName": "shop-1", "integration": "WHATSAPP-BAILEYS"}
    await evolution.post("/instance/create", json=body)
    answer = await door.post("/evolution/instances/shop-1/inbound", json={"from": ANA})

    assert answer.status_code == 409


async def test_any_event_can_be_told_with_any_data(
    door: httpx2.AsyncClient, loja: str, receiver: WebhookReceiver
) -> None:
    order = {"event": "messages.set", "data": [], "top": {"isLatest": True, "progress": 100}}
    await door.post(f"/evolution/instances/{loja}/event", json=order)
    [webhook] = await eventually(lambda: receiver.of("messages.set"))

    assert (webhook.body["isLatest"], webhook.body["progress"], webhook.data) == (True, 100, [])
