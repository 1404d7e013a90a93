"""The message blocks of WhatsApp, as Evolution shows them in its answers and webhooks."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from sandbox.evolution.events import byte_map, long_number
from sandbox.wire import Json

_MEDIA_URL = "https://mmg.whatsapp.net/v/t62.7117-24/sandbox.enc?ccb=11-4"
_MEDIA_PATH = "/v/t62.7117-24/sandbox.enc"
_EMPTY_LISTS: dict[str, tuple[str, ...]] = {
    "imageMessage": ("interactiveAnnotations", "scanLengths", "annotations"),
    "videoMessage": ("interactiveAnnotations", "annotations", "processedVideos"),
}
_FLOWS = {
    "reply": ("quick_reply", "id"),
    "copy": ("cta_copy", "copy_code"),
    "url": ("cta_url", "url"),
    "call": ("cta_call", "phone_number"),
    "pix": ("payment_info", ""),
}
"""What a button becomes, and the parameter that it carries."""
_GIVEN_AS = {"copy_code": "copyCode", "phone_number": "phoneNumber"}
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
SPEECH_MARK = b"SANDBOX-SPEECH:"


@dataclass(frozen=True, slots=True)
class Content:
    """What a message says: its type, its block, and its bytes if it is media."""

    kind: str
    message_type: str
    message: Json
    media: bytes | None = None
    context: Json | None = None
    unseen: str | None = None
    """Why no phone shows it, although Evolution sends it and says so."""


@dataclass(frozen=True, slots=True)
class Media:
    """A file inside a message."""

    message_type: str
    data: bytes
    mimetype: str
    extra: Json


def text_content(text: str, context: Json | None = None) -> Content:
    """Build a text."""
    return Content("text", "conversation", {"conversation": text}, context=context)


def media_content(kind: str, media: Media, at: int) -> Content:
    """Build an image, video, audio, document or sticker.

    Args:
        kind: our name of it, for example ``voice``.
        media: the file.
        at: Unix seconds, for the media key.
    """
    block: Json = {name: [] for name in _EMPTY_LISTS.get(media.message_type, ())}
    digest = hashlib.sha256(media.data).digest()
    block |= {
        "url": _MEDIA_URL,
        "mimetype": media.mimetype,
        "fileSha256": byte_map(digest),
        "fileLength": long_number(len(media.data)),
        **media.extra,
        "mediaKey": byte_map(hashlib.sha256(b"key" + digest).digest()),
        "fileEncSha256": byte_map(hashlib.sha256(b"enc" + digest).digest()),
        "directPath": _MEDIA_PATH,
        "mediaKeyTimestamp": long_number(at, unsigned=False),
    }
    if media.message_type == "imageMessage":
        block["jpegThumbnail"] = byte_map(b"\xff\xd8\xff\xe0\x00")
    return Content(kind, media.message_type, {media.message_type: block}, media.data)


def location_content(latitude: float, longitude: float, name: str, address: str) -> Content:
    """Build a place."""
    block: Json = {"degreesLatitude": latitude, "degreesLongitude": longitude}
    if name:
        block["name"] = name
    if address:
        block["address"] = address
    return Content("location", "locationMessage", {"locationMessage": block})


def contact_content(people: list[Json]) -> Content:
    """Build one contact card or several; each has ``name``, ``phone`` and maybe ``waid``."""
    cards = [_card(person) for person in people]
    if len(cards) == 1:
        return Content("contact", "contactMessage", {"contactMessage": cards[0]})
    block = {"displayName": f"{len(cards)} contacts", "contacts": cards}
    return Content("contact", "contactsArrayMessage", {"contactsArrayMessage": block})


def buttons_content(body: Json) -> Content:
    """Build what sendButtons makes of its body: a native flow inside a view-once wrapper."""
    words = f"*{body.get('title', 'undefined')}*"
    if body.get("description"):
        words += f"\n\n{body['description']}\n"
    native = {
        "body": {"text": words},
        "footer": {"text": body.get("footer")},
        "nativeFlowMessage": {
            "buttons": [_native(button) for button in body["buttons"]],
            "messageParamsJson": '{"from":"api"}',
        },
    }
    message = {"viewOnceMessage": {"message": {"interactiveMessage": native}}}
    return Content("buttons", "viewOnceMessage", message)


def _native(button: Json) -> Json:
    name, field = _FLOWS[button["type"]]
    shown = {"display_text": button.get("displayText")}
    if field:
        shown[field] = button.get(_GIVEN_AS.get(field, field))
    return {"name": name, "buttonParamsJson": json.dumps(shown)}


def reaction_content(emoji: str, target: Json, at: float, *, unseen: str | None = None) -> Content:
    """Build a reaction; an empty emoji takes it back."""
    names = ("remoteJid", "fromMe", "id", "participant")
    key = {name: target[name] for name in names if name in target}
    millis = long_number(int(at * 1000), unsigned=False)
    block = {"key": key, "text": emoji, "senderTimestampMs": millis}
    return Content("reaction", "reactionMessage", {"reactionMessage": block}, unseen=unseen)


def reply_context(stanza_id: str, participant: str, quoted: Json | None) -> Json:
    """Build the context of a message that answers another."""
    context: Json = {
        "mentionedJid": [],
        "groupMentions": [],
        "statusAttributions": [],
        "stanzaId": stanza_id,
        "participant": participant,
    }
    if quoted is not None:
        context["quotedMessage"] = quoted
    return context


def device_info(at: int) -> Json:
    """Build the block that phones add to a plain text."""
    return {
        "threadId": [],
        "deviceListMetadata": {
            "senderKeyIndexes": [],
            "recipientKeyIndexes": [],
            "senderKeyHash": byte_map(bytes(range(10))),
            "senderTimestamp": long_number(at - 70_000),
        },
        "deviceListMetadataVersion": 2,
        "messageSecret": byte_map(bytes(32)),
    }


def wrapped(content: Content, wrapper: str) -> Content:
    """Put a content into an ephemeral or view-once wrapper, where texts are not flattened."""
    inner = content.message
    if content.message_type == "conversation":
        inner = {"extendedTextMessage": {"text": inner["conversation"]}}
    message = {wrapper: {"message": inner}}
    return Content(content.kind, wrapper, message, content.media, content.context)


def decode_base64(value: Any) -> bytes | None:
    """Decode bare base64; None when it is none."""
    try:
        return base64.b64decode(value, validate=True)
    except (ValueError, TypeError):
        return None


def _card(person: Json) -> Json:
    name, phone = str(person["name"]), str(person["phone"])
    lines = [
        "BEGIN:VCARD",
        "VERSION:3.0",
        f"N:{name}",
        f"FN:{name}",
        f"item1.TEL;waid={person.get('waid', phone)}:{phone}",
        "item1.X-ABLabel:Celular",
        "END:VCARD",
    ]
    return {"displayName": name, "vcard": "\n".join(lines)}
