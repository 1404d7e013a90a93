"""What customers write arrives in the shapes that were captured from the real server."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from sandbox.testing import ReceivedWebhook, WebhookReceiver, eventually

ANA = "5511988880001"
LID = "200000000000001"
BYTES_32 = {str(index): int for index in range(32)}
LONG = {"low": int, "high": int, "unsigned": bool}
ENVELOPE = {
    "event": str,
    "instance": str,
    "data": object,
    "destination": str,
    "date_time": str,
    "sender": str,
    "server_url": str,
    "apikey": str,
}
DATA = {
    "pushName": str,
    "status": str,
    "messageType": str,
    "messageTimestamp": int,
    "instanceId": str,
    "source": str,
}
KEY = {
    "remoteJid": str,
    "fromMe": bool,
    "id": str,
    "participant": str,
    "addressingMode": str,
    "remoteJidAlt": str,
}
FILE = {
    "url": str,
    "mimetype": str,
    "fileSha256": BYTES_32,
    "fileLength": LONG,
    "mediaKey": BYTES_32,
    "fileEncSha256": BYTES_32,
    "directPath": str,
    "mediaKeyTimestamp": LONG,
}
SHAPES: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    (
        {"kind": "image", "text": "my photo"},
        "imageMessage",
        FILE
        | {
            "interactiveAnnotations": [],
            "scanLengths": [],
            "annotations": [],
            "caption": str,
            "height": int,
            "width": int,
            "jpegThumbnail": {str(index): int for index in range(5)},
        },
    ),
    (
        {"kind": "video", "text": "vid"},
        "videoMessage",
        FILE
        | {
            "interactiveAnnotations": [],
            "annotations": [],
            "processedVideos": [],
            "caption": str,
            "seconds": int,
        },
    ),
    ({"kind": "sticker"}, "stickerMessage", FILE | {"isAnimated": bool}),
    (
        {"kind": "document", "file_name": "a.pdf"},
        "documentMessage",
        FILE | {"title": str, "fileName": str, "pageCount": int},
    ),
    ({"kind": "audio"}, "audioMessage", FILE | {"seconds": int, "ptt": bool}),
    (
        {"kind": "voice", "speech": "oi"},
        "audioMessage",
        FILE | {"seconds": int, "ptt": bool, "waveform": {str(index): int for index in range(6)}},
    ),
    (
        {"kind": "location", "place": "Praça", "address": "Centro, SP"},
        "locationMessage",
        {"degreesLatitude": float, "degreesLongitude": float, "name": str, "address": str},
    ),
    (
        {"kind": "contact", "contacts": [{"name": "Bia", "phone": "5511977770001"}]},
        "contactMessage",
        {"displayName": str, "vcard": str},
    ),
    (
        {"kind": "reaction", "text": "👍", "target": "3EB0A33FCEF8C5AAAA916C"},
        "reactionMessage",
        {
            "key": {"remoteJid": str, "fromMe": bool, "id": str},
            "text": str,
            "senderTimestampMs": LONG,
        },
    ),
    (
        {"kind": "button_reply", "text": "Yes", "choice_id": "btn-yes"},
        "buttonsResponseMessage",
        {"selectedButtonId": str, "selectedDisplayText": str, "type": int},
    ),
    (
        {"kind": "list_reply", "text": "Option A", "choice_id": "row-a"},
        "listResponseMessage",
        {
            "title": str,
            "listType": int,
            "singleSelectReply": {"selectedRowId": str},
            "description": str,
        },
    ),
    (
        {"kind": "interactive_reply", "text": "Yes", "choice_id": "y"},
        "interactiveResponseMessage",
        {"body": {"text": str}, "nativeFlowResponseMessage": {"name": str, "paramsJson": str}},
    ),
    (
        {"kind": "poll_vote", "target": "P1", "options": ["a"]},
        "pollUpdateMessage",
        {
            "pollCreationMessageKey": {"remoteJid": str, "fromMe": bool, "id": str},
            "vote": {"selectedOptions": [str]},
        },
    ),
]


def fits(value: Any, shape: Any) -> bool:
    """Whether a JSON value has exactly the keys and types of a shape."""
    if isinstance(shape, dict):
        return (
            isinstance(value, dict)
            and value.keys() == shape.keys()
            and all(fits(value[name], part) for name, part in shape.items())
        )
    if isinstance(shape, list):
        return isinstance(value, list) and all(
            fits(item, part) for item, part in zip(value, shape, strict=True)
        )
    return isinstance(value, shape)


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


async def test_a_text_has_the_captured_shape(
    door: httpx2.AsyncClient, loja: str, receiver: WebhookReceiver
) -> None:
    webhook = await arrives(door, receiver, text="hello", name="Ana Test")

    assert fits(webhook.body, ENVELOPE)
    assert fits(webhook.data, DATA | {"key": KEY, "message": dict})
    assert webhook.data["key"] == {
        "remoteJid": f"{ANA}@s.whatsapp.net",
        "fromMe": False,
        "id": webhook.data["key"]["id"],
        "participant": "",
        "addressingMode": "pn",
        "remoteJidAlt": f"{LID}@lid",
    }
    assert webhook.data["message"]["conversation"] == "hello"
    info = webhook.data["message"]["messageContextInfo"]
    assert fits(
        info,
        {
            "threadId": [],
            "deviceListMetadata": {
                "senderKeyIndexes": [],
                "recipientKeyIndexes": [],
                "senderKeyHash": {str(index): int for index in range(10)},
                "senderTimestamp": LONG,
            },
            "deviceListMetadataVersion": int,
            "messageSecret": BYTES_32,
        },
    )


@pytest.mark.parametrize(("order", "message_type", "shape"), SHAPES)
async def test_every_kind_has_the_captured_shape(
    door: httpx2.AsyncClient,
    loja: str,
    receiver: WebhookReceiver,
    order: dict[str, Any],
    message_type: str,
    shape: dict[str, Any],
) -> None:
    webhook = await arrives(door, receiver, **order)

    assert webhook.data["messageType"] == message_type
    assert fits(webhook.data["message"][message_type], shape), webhook.data["message"]
    assert ("base64" in webhook.data["message"]) == ("fileSha256" in shape)
    assert webhook.data.get("contextInfo") is None
