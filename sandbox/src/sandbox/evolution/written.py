"""Build the block of every kind of message that arrives from WhatsApp (facts, section 2.4)."""

from __future__ import annotations

import orjson

from sandbox.evolution.contents import (
    PNG,
    SPEECH_MARK,
    Content,
    Media,
    contact_content,
    decode_base64,
    device_info,
    location_content,
    media_content,
    reaction_content,
    reply_context,
    wrapped,
)
from sandbox.evolution.events import byte_map
from sandbox.evolution.inbound_order import InboundOrder
from sandbox.evolution.jids import PERSON
from sandbox.evolution.state import Instance
from sandbox.wire import Json

_WRAPPERS = {"ephemeral": "ephemeralMessage", "view_once": "viewOnceMessageV2"}
_MEDIA: dict[str, tuple[str, str, Json]] = {
    "image": ("imageMessage", "image/jpeg", {"height": 1280, "width": 960}),
    "video": ("videoMessage", "video/mp4", {"seconds": 12}),
    "sticker": ("stickerMessage", "image/webp", {"isAnimated": False}),
    "audio": ("audioMessage", "audio/mpeg", {"seconds": 65, "ptt": False}),
    "voice": ("audioMessage", "audio/ogg; codecs=opus", {"seconds": 5, "ptt": True}),
    "document": ("documentMessage", "application/pdf", {"pageCount": 2}),
}
_CHOICES = frozenset({"button_reply", "template_reply", "list_reply", "interactive_reply"})
_OGG_HEAD = b"OggS\x00\x02" + bytes(22) + b"OpusHead"


def written_content(instance: Instance, order: InboundOrder, at: int) -> Content:
    """Return what an inbound message says.

    Args:
        instance: who receives it; replies and reactions look up their target there.
        order: what was ordered.
        at: Unix seconds of the message.
    """
    content = _plain(instance, order, at)
    context = _context(instance, order)
    if context is not None:
        message = content.message
        if order.kind in _CHOICES:
            # A choice carries its context twice, inside the block too.
            block = message[content.message_type] | {"contextInfo": context}
            message = {content.message_type: block}
        content = Content(content.kind, content.message_type, message, content.media, context)
    return wrapped(content, _WRAPPERS[order.wrap]) if order.wrap else content


def _plain(instance: Instance, order: InboundOrder, at: int) -> Content:
    if order.kind in _MEDIA:
        return _file(order, at)
    if order.kind in _CHOICES:
        return _choice(order)
    if order.kind in {"poll", "poll_vote"}:
        return _poll(instance, order)
    return _simple(instance, order, at)


def _simple(instance: Instance, order: InboundOrder, at: int) -> Content:
    match order.kind:
        case "location" | "live_location":
            return _place(order)
        case "contact":
            return contact_content([person.model_dump() for person in order.contacts])
        case "reaction":
            return reaction_content(order.text, _target(instance, order), at)
        case "raw":
            return Content("raw", str(order.message_type), order.message or {})
    message: Json = {"conversation": order.text}
    plain = not order.reply_to and not order.group and not order.from_me
    if plain and order.source in {"ios", "android"}:
        message["messageContextInfo"] = device_info(at)
    return Content(order.kind, "conversation", message)


def _file(order: InboundOrder, at: int) -> Content:
    message_type, mimetype, defaults = _MEDIA[order.kind]
    data = decode_base64(order.media_base64) if order.media_base64 else _made_up(order)
    extra = dict(defaults)
    if order.seconds is not None:
        extra["seconds"] = order.seconds
    if order.text and order.kind in {"image", "video", "document"}:
        extra["caption"] = order.text
    if order.kind == "document":
        extra["title"] = extra["fileName"] = order.file_name or "contract.pdf"
    media = Media(message_type, data or b"", order.mimetype or mimetype, extra)
    content = media_content(order.kind, media, at)
    if order.kind == "voice":
        content.message[message_type]["waveform"] = byte_map(b"\x00\x10\x20\x30\x20\x10")
    return content


def _made_up(order: InboundOrder) -> bytes:
    if order.kind in {"audio", "voice"}:
        return _OGG_HEAD + SPEECH_MARK + (order.speech or order.text).encode()
    return b"%PDF-1.4\n%%EOF\n" if order.kind == "document" else PNG


def _place(order: InboundOrder) -> Content:
    content = location_content(order.latitude, order.longitude, order.place, order.address)
    if order.kind == "location":
        return content
    block = content.message["locationMessage"] | {"sequenceNumber": 1}
    return Content(order.kind, "liveLocationMessage", {"liveLocationMessage": block})


def _choice(order: InboundOrder) -> Content:
    title, chosen = order.text, order.choice_id or "choice-1"
    name, block = "", {}
    match order.kind:
        case "button_reply":
            name = "buttonsResponseMessage"
            block = {"selectedButtonId": chosen, "selectedDisplayText": title, "type": 1}
        case "template_reply":
            name = "templateButtonReplyMessage"
            block = {"selectedId": chosen, "selectedDisplayText": title, "selectedIndex": 0}
        case "list_reply":
            name = "listResponseMessage"
            block = {
                "title": title,
                "listType": 1,
                "singleSelectReply": {"selectedRowId": chosen},
                "description": "",
            }
        case _:
            name = "interactiveResponseMessage"
            parameters = orjson.dumps({"id": chosen}).decode()
            block = {
                "body": {"text": title},
                "nativeFlowResponseMessage": {"name": "quick_reply", "paramsJson": parameters},
            }
    return Content(order.kind, name, {name: block})


def _poll(instance: Instance, order: InboundOrder) -> Content:
    if order.kind == "poll":
        options = [{"optionName": option} for option in order.options]
        block: Json = {"name": order.text, "options": options, "selectableOptionsCount": 1}
        return Content("poll", "pollCreationMessageV3", {"pollCreationMessageV3": block})
    key = _target(instance, order)
    block = {"pollCreationMessageKey": key, "vote": {"selectedOptions": list(order.options)}}
    return Content("poll_vote", "pollUpdateMessage", {"pollUpdateMessage": block})


def _target(instance: Instance, order: InboundOrder) -> Json:
    message = instance.mailbox.get(str(order.target))
    if message is not None:
        return {name: message.key[name] for name in ("remoteJid", "fromMe", "id")}
    jid = order.group or f"{order.sender}{PERSON}"
    return {"remoteJid": jid, "fromMe": True, "id": str(order.target)}


def _context(instance: Instance, order: InboundOrder) -> Json | None:
    context: Json = {}
    if order.reply_to:
        quoted = instance.mailbox.get(order.reply_to)
        author = _author(instance, order, own=quoted is None or bool(quoted.key["fromMe"]))
        said = quoted.data["message"] if quoted else None
        context = reply_context(order.reply_to, author, said)
    if order.mentions:
        empty: Json = {"groupMentions": [], "statusAttributions": []}
        people = [f"{phone}{PERSON}" for phone in order.mentions]
        context = {"mentionedJid": people, **empty} | context | {"mentionedJid": people}
    if order.referral is not None:
        context["externalAdReply"] = order.referral
        context["entryPointConversionSource"] = "ctwa_ad"
    return context or None


def _author(instance: Instance, order: InboundOrder, *, own: bool) -> str:
    return str(instance.sender) if own else f"{order.sender}{PERSON}"
