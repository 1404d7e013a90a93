"""The calls of message/*: one small function per kind of message."""

from __future__ import annotations

from typing import Any

from sandbox.evolution.contents import (
    Content,
    Media,
    contact_content,
    decode_base64,
    location_content,
    media_content,
    reaction_content,
    text_content,
)
from sandbox.evolution.errors import business_error, connection_closed
from sandbox.evolution.schema import COMMON, NUMBER, Field, require
from sandbox.evolution.sending import send
from sandbox.evolution.service import Ask
from sandbox.wire import Reply

MEDIA_TYPES = ("image", "video", "document", "audio", "ptv")
_MAX_REPLY_BUTTONS = 3
_DEFAULT_MIMETYPES = {
    "image": "image/jpeg",
    "video": "video/mp4",
    "document": "application/octet-stream",
    "audio": "audio/mpeg",
    "ptv": "video/mp4",
}
_TEXT = (NUMBER, Field("text", "string", required=True), *COMMON)
_MEDIA = (NUMBER, Field("mediatype", "string", required=True, among=MEDIA_TYPES), *COMMON)
_JOINER, _FIRST_SYMBOL = 0x200D, 0x203C


async def send_text(ask: Ask) -> Reply:
    """POST /message/sendText."""
    require(ask.body, *_TEXT)
    if not ask.body["text"].strip():
        raise business_error("Text is required")
    return await send(ask, ask.body["number"], text_content(ask.body["text"]))


async def send_media(ask: Ask) -> Reply:
    """POST /message/sendMedia: a URL or bare base64; a data URL is refused."""
    body = ask.body
    require(body, *_MEDIA)
    kind = body["mediatype"]
    data, is_url = _owned(body.get("media"), "Owned media must be a url or base64")
    if kind == "document" and not is_url and not body.get("fileName"):
        raise business_error("For base64 the file name must be informed.")
    # The real server re-encodes every picture to JPEG.
    mimetype = "image/jpeg" if kind == "image" else body.get("mimetype")
    extra = {name: body[name] for name in ("caption", "fileName") if body.get(name)}
    message_type = {"ptv": "ptvMessage"}.get(kind, f"{kind}Message")
    media = Media(message_type, data, mimetype or _DEFAULT_MIMETYPES[kind], extra)
    return await send(ask, body["number"], media_content(kind, media, int(ask.evolution.now())))


async def send_audio(ask: Ask) -> Reply:
    """POST /message/sendWhatsAppAudio: a voice note."""
    require(ask.body, NUMBER, Field("encoding", "boolean"), *COMMON)
    complaint = "Owned media must be a url, base64, or valid file with buffer"
    data, _ = _owned(ask.body.get("audio"), complaint)
    media = Media("audioMessage", data, "audio/ogg; codecs=opus", {"ptt": True})
    content = media_content("voice", media, int(ask.evolution.now()))
    return await send(ask, ask.body["number"], content)


async def send_sticker(ask: Ask) -> Reply:
    """POST /message/sendSticker."""
    require(ask.body, NUMBER, *COMMON)
    data, _ = _owned(ask.body.get("sticker"), "Owned media must be a url or base64")
    media = Media("stickerMessage", data, "image/webp", {"isAnimated": False})
    content = media_content("sticker", media, int(ask.evolution.now()))
    return await send(ask, ask.body["number"], content)


async def send_reaction(ask: Ask) -> Reply:
    """POST /message/sendReaction: one emoji, or an empty string to take it back."""
    body = ask.body
    require(body, Field("key", "object", required=True), Field("reaction", "string", required=True))
    key, emoji = body["key"], body["reaction"]
    require(
        key,
        Field("id", "string", required=True),
        Field("remoteJid", "string", required=True),
        Field("fromMe", "boolean", required=True),
    )
    if emoji and not is_emoji(emoji):
        raise business_error('"reaction" must be a single emoji or an empty string')
    if not ask.instance.connected:
        raise connection_closed(cached=True)
    return await send(ask, key["remoteJid"], reaction_content(emoji, key, ask.evolution.now()))


async def send_location(ask: Ask) -> Reply:
    """POST /message/sendLocation."""
    body = ask.body
    require(
        body,
        NUMBER,
        Field("latitude", "number", required=True),
        Field("longitude", "number", required=True),
        Field("name", "string"),
        Field("address", "string"),
        *COMMON,
    )
    place = (body["latitude"], body["longitude"], body.get("name", ""), body.get("address", ""))
    return await send(ask, body["number"], location_content(*place))


async def send_contact(ask: Ask) -> Reply:
    """POST /message/sendContact."""
    require(ask.body, NUMBER, Field("contact", "array", required=True))
    people = []
    for person in ask.body["contact"]:
        require(
            person,
            Field("fullName", "string", required=True, filled=True),
            Field("phoneNumber", "string", required=True, filled=True),
        )
        people.append({"name": person["fullName"], "phone": person["phoneNumber"]})
    if not people:
        raise business_error("contact does not meet minimum length of 1")
    return await send(ask, ask.body["number"], contact_content(people))


async def send_buttons(ask: Ask) -> Reply:
    """POST /message/sendButtons: at most three replies."""
    body = ask.body
    require(
        body,
        NUMBER,
        Field("title", "string", required=True),
        Field("buttons", "array", required=True),
        *COMMON,
    )
    for button in body["buttons"]:
        require(button, Field("type", "string", required=True))
    replies = [button for button in body["buttons"] if button.get("type") == "reply"]
    if not body["buttons"]:
        raise business_error("At least one button is required")
    if len(replies) > _MAX_REPLY_BUTTONS:
        raise business_error("Maximum of 3 reply buttons allowed")
    native = {
        "body": {"text": body["title"]},
        "footer": {"text": body.get("footer", "")},
        "nativeFlowMessage": {"buttons": body["buttons"]},
    }
    message = {"viewOnceMessage": {"message": {"interactiveMessage": native}}}
    return await send(ask, body["number"], Content("buttons", "viewOnceMessage", message))


async def send_list(ask: Ask) -> Reply:
    """POST /message/sendList."""
    body = ask.body
    require(
        body,
        NUMBER,
        *(Field(name, "string", required=True) for name in ("title", "footerText", "buttonText")),
        Field("sections", "array", required=True),
        *COMMON,
    )
    names = ("title", "description", "buttonText", "footerText", "sections")
    block = {name: body.get(name) for name in names} | {"listType": 1}
    return await send(ask, body["number"], Content("list", "listMessage", {"listMessage": block}))


async def send_poll(ask: Ask) -> Reply:
    """POST /message/sendPoll."""
    body = ask.body
    require(
        body,
        NUMBER,
        Field("name", "string", required=True),
        Field("selectableCount", "integer", required=True),
        Field("values", "array", required=True),
        *COMMON,
    )
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
