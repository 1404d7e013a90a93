"""The calls of message/*: one small function per kind of message."""

from __future__ import annotations

import mimetypes
from typing import Any

from sandbox.evolution.channels import require_offered
from sandbox.evolution.contents import (
    Content,
    Media,
    buttons_content,
    contact_content,
    decode_base64,
    location_content,
    media_content,
    reaction_content,
    text_content,
)
from sandbox.evolution.errors import business_error, connection_closed, refusal
from sandbox.evolution.jids import is_group, to_jid
from sandbox.evolution.mailbox import StoredMessage
from sandbox.evolution.message_fields import (
    AUDIO,
    BUTTONS,
    CONTACT,
    LIST,
    LOCATION,
    MEDIA,
    POLL,
    REACTION,
    STICKER,
    TEXT,
)
from sandbox.evolution.schema import require
from sandbox.evolution.sending import send
from sandbox.evolution.service import Ask
from sandbox.evolution.state import BUSINESS
from sandbox.wire import Json, Reply

_MAX_REPLY_BUTTONS = 3
_DEFAULT_NAMES = {"image": "image.jpg", "video": "video.mp4"}
_JOINER, _FIRST_SYMBOL = 0x200D, 0x203C


async def send_text(ask: Ask) -> Reply:
    """POST /message/sendText."""
    require(ask.body, *TEXT)
    if not ask.body["text"].strip():
        raise business_error("Text is required")
    return await send(ask, ask.body["number"], text_content(ask.body["text"]))


async def send_media(ask: Ask) -> Reply:
    """POST /message/sendMedia: a URL or bare base64; a data URL is refused."""
    body = ask.body
    require(body, *MEDIA)
    kind = body["mediatype"]
    data, is_url = _owned(body.get("media"), "Owned media must be a url or base64")
    if kind == "document" and not is_url and not body.get("fileName"):
        raise business_error("For base64 the file name must be informed.")
    # The real server re-encodes every picture to JPEG, and goes by the name for all that is named.
    name = body.get("fileName") or _DEFAULT_NAMES.get(kind)
    extra = {"caption": body["caption"]} if body.get("caption") else {}
    extra |= {"fileName": name} if name else {}
    media = Media(f"{kind}Message", data, _mimetype(name, body.get("mimetype")), extra)
    return await send(ask, body["number"], media_content(kind, media, int(ask.evolution.now())))


def _mimetype(name: str | None, given: str | None) -> str:
    """Give the type that a file arrives as: its ending decides, and an unknown one is `false`."""
    return (mimetypes.guess_type(name)[0] or "false") if name else (given or "false")


async def send_audio(ask: Ask) -> Reply:
    """POST /message/sendWhatsAppAudio: a voice note."""
    require(ask.body, *AUDIO)
    complaint = "Owned media must be a url, base64, or valid file with buffer"
    data, _ = _owned(ask.body.get("audio"), complaint)
    media = Media("audioMessage", data, "audio/ogg; codecs=opus", {"ptt": True})
    content = media_content("voice", media, int(ask.evolution.now()))
    return await send(ask, ask.body["number"], content)


async def send_sticker(ask: Ask) -> Reply:
    """POST /message/sendSticker."""
    require(ask.body, *STICKER)
    data, _ = _owned(ask.body.get("sticker"), "Owned media must be a url or base64")
    require_offered(ask)
    media = Media("stickerMessage", data, "image/webp", {"isAnimated": False})
    content = media_content("sticker", media, int(ask.evolution.now()))
    return await send(ask, ask.body["number"], content)


async def send_reaction(ask: Ask) -> Reply:
    """POST /message/sendReaction: one emoji, or an empty string to take it back."""
    body = ask.body
    require(body, *REACTION)
    key, emoji = body["key"], body["reaction"]
    if emoji and not is_emoji(emoji):
        raise business_error("Reaction must be a single emoji or empty string")
    require_offered(ask)
    if not ask.instance.connected:
        raise connection_closed(cached=True)
    unseen = _not_found_by(key, ask.instance.mailbox.get(key["id"]))
    content = reaction_content(emoji, key, ask.evolution.now(), unseen=unseen)
    return await send(ask, key["remoteJid"], content)


def _not_found_by(key: Json, target: StoredMessage | None) -> str | None:
    """Say why no phone finds a message by this key: in a group, who wrote it is part of it.

    Evolution takes such a reaction, says 201, and nobody sees it (its issue 1760).
    """
    if key["fromMe"] or not is_group(key["remoteJid"]):
        return None
    participant = key.get("participant")
    if not participant:
        return "its key names no participant, and its target is somebody else's in a group"
    if target is not None and participant != target.key.get("participant"):
        return f"the group knows {target.key.get('participant')}, and not {participant}"
    return None


async def send_location(ask: Ask) -> Reply:
    """POST /message/sendLocation."""
    body = ask.body
    require(body, *LOCATION)
    require_offered(ask)
    place = (body["latitude"], body["longitude"], body["name"], body["address"])
    return await send(ask, body["number"], location_content(*place))


async def send_contact(ask: Ask) -> Reply:
    """POST /message/sendContact."""
    require(ask.body, *CONTACT)
    require_offered(ask)
    people = [_person(card) for card in ask.body["contact"]]
    return await send(ask, ask.body["number"], contact_content(people))


def _person(card: Json) -> Json:
    phone = card["phoneNumber"]
    return {"name": card["fullName"], "phone": phone, "waid": card.get("wuid") or to_jid(phone)}


async def send_buttons(ask: Ask) -> Reply:
    """POST /message/sendButtons: at most three replies, and nothing else beside them."""
    body = ask.body
    require(body, *BUTTONS)
    if "buttons" not in body:
        raise refusal(500, "Cannot read properties of undefined (reading 'length')")
    types = [button["type"] for button in body["buttons"]]
    if not types:
        raise business_error("At least one button is required")
    if "reply" in types and len(types) > _MAX_REPLY_BUTTONS:
        raise business_error("Maximum of 3 reply buttons allowed")
    if "reply" in types and set(types) - {"reply", "pix"}:
        raise business_error("Reply buttons cannot be mixed with other button types")
    if "pix" in types and len(types) > 1:
        raise business_error("Only one PIX button is allowed")
    if ask.instance.integration == BUSINESS:
        # That channel sends nothing else of it.
        return await send(ask, body["number"], text_content(body.get("title") or "Select"))
    return await send(ask, body["number"], buttons_content(body))


async def send_list(ask: Ask) -> Reply:
    """POST /message/sendList."""
    body = ask.body
    require(body, *LIST)
    require_offered(ask)
    rows = [row for section in body["sections"] for row in section["rows"]]
    if ask.instance.integration == BUSINESS and not all("description" in row for row in rows):
        raise refusal(500, "Cannot read properties of undefined (reading 'substring')")
    names = ("title", "description", "buttonText", "footerText", "sections")
    block = {name: body.get(name) for name in names} | {"listType": 2}
    return await send(ask, body["number"], Content("list", "listMessage", {"listMessage": block}))


async def send_poll(ask: Ask) -> Reply:
    """POST /message/sendPoll."""
    body = ask.body
    require(body, *POLL)
    require_offered(ask)
    block = {
        "name": body["name"],
        "options": [{"optionName": value} for value in body["values"]],
        "selectableOptionsCount": body["selectableCount"],
    }
    message = {"pollCreationMessageV3": block}
    return await send(ask, body["number"], Content("poll", "pollCreationMessageV3", message))


def is_emoji(text: str) -> bool:
    """Whether the text is one emoji, possibly joined of several."""
    if not text or len(text) > 12:
        return False
    symbols = [letter for letter in text if ord(letter) >= 0x1F000 or _in_symbols(letter)]
    # Two symbols without a joiner between them are two emoji; flags are pairs by nature.
    joined = text.count(chr(_JOINER)) + sum(0x1F1E6 <= ord(letter) <= 0x1F3FF for letter in text)
    return len(symbols) == len(text) and _bases(text) <= 1 + joined


def _in_symbols(letter: str) -> bool:
    return _FIRST_SYMBOL <= ord(letter) <= 0x3299 or ord(letter) in {_JOINER, 0xFE0F, 0x20E3}


def _bases(text: str) -> int:
    marks = {_JOINER, 0xFE0F, 0x20E3}
    return sum(ord(letter) not in marks for letter in text)


def _owned(value: Any, complaint: str) -> tuple[bytes, bool]:
    """Return the bytes of bare base64, or nothing and true for a URL, which is never fetched."""
    if isinstance(value, str) and value.startswith(("http://", "https://")):
        return b"", True
    data = decode_base64(value) if isinstance(value, str) and value else None
    if data is None:
        raise business_error(complaint)
    return data, False
