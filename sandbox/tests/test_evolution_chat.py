"""The calls of chat/*: presence, reads, look-ups, media, edits."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from sandbox.testing import WebhookReceiver, eventually

ANA, BIA = "5511988880001", "5511977770001"


async def write(door: httpx2.AsyncClient, **order: Any) -> str:
    answer = await door.post("/evolution/instances/loja/inbound", json={"from": ANA, **order})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["message_id"])


async def find(evolution: httpx2.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await evolution.post("/chat/findMessages/loja", json=body)
    assert answer.status_code == 200, answer.text
    messages: dict[str, Any] = answer.json()["messages"]
    return messages


async def test_presence_needs_all_three_fields(evolution: httpx2.AsyncClient, loja: str) -> None:
    body = {"number": ANA, "presence": "composing", "delay": 10}
    shown = await evolution.post(f"/chat/sendPresence/{loja}", json=body)
    wrong = await evolution.post(f"/chat/sendPresence/{loja}", json={"number": ANA})

    assert (shown.status_code, shown.json()) == (201, {"presence": "composing"})
    assert len(wrong.json()["response"]["message"][0]) == 2


async def test_reading_marks_phones_and_drops_lids_silently(
    evolution: httpx2.AsyncClient, door: httpx2.AsyncClient, loja: str
) -> None:
    by_phone = await write(door, text="a")
    by_lid = await write(door, text="b", **{"from": None}, lid="200000000000009")
    keys = [
        {"remoteJid": f"{ANA}@s.whatsapp.net", "fromMe": False, "id": by_phone},
        {"remoteJid": "200000000000009@lid", "fromMe": False, "id": by_lid},
    ]
    answer = await evolution.post(f"/chat/markMessageAsRead/{loja}", json={"readMessages": keys})

    assert answer.status_code == 201
    assert answer.json() == {"message": "Read messages", "read": "success"}
    chats = (await evolution.post(f"/chat/findChats/{loja}", json={})).json()
    unread = {chat["remoteJid"]: chat["unreadCount"] for chat in chats}
    assert unread == {f"{ANA}@s.whatsapp.net": 0, "200000000000009@lid": 1}
    acts = (await door.get("/evolution/acts?instance=loja")).json()
    assert [(act["act"], act["key_id"]) for act in acts] == [("read", by_phone)]


async def test_messages_are_found_newest_first_page_by_page(
    evolution: httpx2.AsyncClient, door: httpx2.AsyncClient, loja: str
) -> None:
    ids = [await write(door, text=str(n), timestamp=1_795_470_000 + n // 2) for n in range(5)]
    await write(door, **{"from": BIA}, text="other chat")
    where = {"key": {"remoteJid": f"{ANA}@s.whatsapp.net"}}

    first = await find(evolution, where=where, page=1, offset=2)
    last = await find(evolution, where=where, page=3, offset=2)

    assert (first["total"], first["pages"], first["currentPage"]) == (5, 3, 1)
    assert [record["key"]["id"] for record in first["records"]] == [ids[4], ids[3]]
    assert [record["key"]["id"] for record in last["records"]] == [ids[0]]
    assert set(first["records"][0]) == {
        "id",
        "key",
        "pushName",
        "messageType",
        "message",
        "messageTimestamp",
        "instanceId",
        "source",
        "contextInfo",
        "MessageUpdate",
    }


async def test_messages_are_filtered_by_id_sender_type_and_time(
    evolution: httpx2.AsyncClient, door: httpx2.AsyncClient, loja: str
) -> None:
    old = await write(door, text="old", timestamp=1_795_000_000)
    await write(door, kind="image", timestamp=1_795_470_000)
    sent = await evolution.post(f"/message/sendText/{loja}", json={"number": ANA, "text": "me"})

    def iso(seconds: int) -> str:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")

    span = {"gte": iso(1_794_999_000), "lte": iso(1_795_001_000)}
    by_id = await find(evolution, where={"key": {"id": old}})
    mine = await find(evolution, where={"key": {"fromMe": True}})
    ignored = await find(evolution, where={"key": {"fromMe": False}})
    images = await find(evolution, where={"messageType": "imageMessage"})
    then = await find(evolution, where={"messageTimestamp": span})
    half = await find(evolution, where={"messageTimestamp": {"gte": span["gte"]}})

    assert by_id["total"] == 1
    assert [record["key"]["id"] for record in mine["records"]] == [sent.json()["key"]["id"]]
    assert ignored["total"] == 3
    assert images["total"] == 1
    assert [record["key"]["id"] for record in then["records"]] == [old]
    assert half["total"] == 3


async def test_numbers_are_checked_groups_first(
    evolution: httpx2.AsyncClient, door: httpx2.AsyncClient, loja: str
) -> None:
    await door.post("/evolution/numbers", json={"missing": [BIA]})
    await write(door, text="hi", name="Ana", lid="200000000000001")
    numbers = [ANA, BIA, "120363000000000001@g.us"]
    answer = await evolution.post(f"/chat/whatsappNumbers/{loja}", json={"numbers": numbers})

    assert answer.json() == [
        {"jid": numbers[2], "exists": True, "number": numbers[2]},
        {
            "jid": f"{ANA}@s.whatsapp.net",
            "exists": True,
            "number": ANA,
            "name": "Ana",
            "lid": "200000000000001@lid",
        },
        {"jid": f"{BIA}@s.whatsapp.net", "exists": False, "number": BIA},
    ]


@pytest.mark.parametrize("wrap", [None, "ephemeral", "view_once"])
async def test_media_is_served_through_every_wrapper(
    evolution: httpx2.AsyncClient, door: httpx2.AsyncClient, loja: str, wrap: str | None
) -> None:
    content = base64.b64encode(b"OggS-voice").decode()
    key_id = await write(door, kind="voice", media_base64=content, wrap=wrap)
    body = {"message": {"key": {"id": key_id}}, "convertToMp4": False}
    answer = await evolution.post(f"/chat/getBase64FromMediaMessage/{loja}", json=body)

    assert answer.status_code == 201
    media = answer.json()
    assert media["base64"] == content
    assert media["mediaType"] == "audioMessage"
    assert media["mimetype"] == "audio/ogg; codecs=opus"
    assert media["size"]["fileLength"] == {"low": 10, "high": 0, "unsigned": True}
    assert media["buffer"] is None


async def test_media_of_no_message_or_no_media_is_refused(
    evolution: httpx2.AsyncClient, door: httpx2.AsyncClient, loja: str
) -> None:
    async def ask(key_id: str) -> httpx2.Response:
        body = {"message": {"key": {"id": key_id}}}
        return await evolution.post(f"/chat/getBase64FromMediaMessage/{loja}", json=body)

    ghost, text = await ask("ghost"), await ask(await write(door, text="x"))

    assert (ghost.status_code, text.status_code) == (400, 400)
    assert ghost.json()["response"]["message"] == ["Message not found"]
    assert text.json()["response"]["message"] == ["The message is not of the media type"]


async def test_a_sent_text_is_edited_and_taken_back(
    evolution: httpx2.AsyncClient, loja: str, receiver: WebhookReceiver
) -> None:
    sent = await evolution.post(f"/message/sendText/{loja}", json={"number": ANA, "text": "x"})
    key = sent.json()["key"]
    edited = await evolution.post(
        f"/chat/updateMessage/{loja}", json={"number": ANA, "key": key, "text": "y"}
    )
    gone = await evolution.request("DELETE", f"/chat/deleteMessageForEveryone/{loja}", json=key)
    await eventually(lambda: receiver.of("messages.delete"))

    protocol = edited.json()["message"]["protocolMessage"]
    assert (protocol["type"], type(protocol["timestampMs"])) == ("MESSAGE_EDIT", str)
    assert gone.status_code == 201
    [update] = receiver.of("send.message.update")
    assert (update.data["type"], type(update.data["timestampMs"])) == (14, int)
    assert update.data["editedMessage"] == {"extendedTextMessage": {"text": "y"}}
    [deleted] = receiver.of("messages.delete")
    assert deleted.data["key"] == key
    assert (deleted.data["status"], deleted.data["id"] != key["id"]) == ("DELETED", True)


async def test_only_words_in_the_chat_that_they_were_sent_to_are_edited(
    evolution: httpx2.AsyncClient, loja: str
) -> None:
    here = {"number": ANA}
    media = {**here, "mediatype": "image", "media": "iVBORw0KGgo=", "caption": "old"}
    place = {**here, "latitude": 1, "longitude": 2, "name": "", "address": ""}
    text, image, pin = [
        (await evolution.post(f"/message/{call}/{loja}", json=body)).json()["key"]
        for call, body in (
            ("sendText", {**here, "text": "x"}),
            ("sendMedia", media),
            ("sendLocation", place),
        )
    ]

    async def edit(key: dict[str, Any], number: str = ANA) -> Any:
        body = {"number": number, "key": key, "text": "new"}
        answer = await evolution.post(f"/chat/updateMessage/{loja}", json=body)
        return answer.status_code, answer.json().get("response", {}).get("message")

    assert await edit(image) == (200, None)
    assert await edit(pin) == (400, ["Message not compatible"])
    assert await edit({**text, "id": "ghost"}) == (400, ["Message not compatible"])
    assert await edit(text, "5511977770001") == (400, ["RemoteJid does not match"])
    where = {"where": {"key": {"id": image["id"]}}}
    found = await evolution.post(f"/chat/findMessages/{loja}", json=where)
    [record] = found.json()["messages"]["records"]
    assert record["message"]["imageMessage"]["caption"] == "new"


async def test_contacts_and_chats_appear_with_the_first_message(
    evolution: httpx2.AsyncClient, door: httpx2.AsyncClient, loja: str
) -> None:
    await write(door, text="hi", name="Ana")

    where = {"where": {"remoteJid": f"{ANA}@s.whatsapp.net"}}
    [contact] = (await evolution.post(f"/chat/findContacts/{loja}", json=where)).json()
    [chat] = (await evolution.post(f"/chat/findChats/{loja}", json={})).json()

    assert contact["pushName"] == "Ana"
    assert (chat["unreadCount"], chat["windowActive"]) == (1, True)
