"""The calls of chat/* that look something up: messages, statuses, contacts, chats, media."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sandbox.evolution.channels import require_offered
from sandbox.evolution.errors import business_error, refusal
from sandbox.evolution.events import long_number, now_iso
from sandbox.evolution.mailbox import Chat, Mailbox, StoredMessage
from sandbox.evolution.schema import Field, require
from sandbox.evolution.service import Ask
from sandbox.wire import Json, Reply, json_reply

_EMPTY = "The property cannot be empty"
_KEY = Field(
    "key",
    "object",
    shape=(
        Field("remoteJid", "string", span=(1, None), says=_EMPTY),
        Field("id", "string", span=(1, None), says=_EMPTY),
        Field("fromMe", "boolean"),
    ),
    alone=("fromMe", "remoteJid", "id"),
)
_MESSAGES = Field(
    "where",
    "object",
    shape=(Field("_id", "string", span=(1, None)), _KEY, Field("message", "object")),
)
_STATUSES = ("ERROR", "PENDING", "SERVER_ACK", "DELIVERY_ACK", "READ", "PLAYED")
_UPDATES = Field(
    "where",
    "object",
    shape=(
        *(Field(name, "string") for name in ("_id", "remoteJid", "id", "participant")),
        Field("fromMe", "boolean"),
        Field("status", "string", among=_STATUSES),
    ),
    filled=("_id", "remoteJid", "id", "status"),
)
_PEOPLE = Field(
    "where",
    "object",
    shape=tuple(Field(n, "string", span=(1, None)) for n in ("_id", "pushName", "id", "remoteJid")),
)
_LIMIT = Field("limit", "integer")
_DAY_SECONDS = 86_400
_DEFAULT_PAGE_SIZE = 50
_WRAPPERS = ("ephemeralMessage", "viewOnceMessageV2", "viewOnceMessage")
_MEDIA_BLOCKS = (
    "imageMessage",
    "videoMessage",
    "audioMessage",
    "documentMessage",
    "stickerMessage",
    "ptvMessage",
)


async def find_messages(ask: Ask) -> Reply:
    """POST /chat/findMessages: newest first; ``offset`` is the page size."""
    require(ask.body, _MESSAGES, _LIMIT)
    where = ask.body.get("where", {})
    page, size = _paging(ask.body)
    found = [
        message for message in _candidates(ask.instance.mailbox, where) if _fits(message, where)
    ]
    # Stable: of two messages in one second the later arrival comes first.
    found.reverse()
    found.sort(key=lambda message: message.timestamp, reverse=True)
    records = [message.record() for message in found[(page - 1) * size : page * size]]
    total = len(found)
    messages = {
        "total": total,
        "pages": math.ceil(total / size),
        "currentPage": page,
        "records": records,
    }
    return json_reply(200, {"messages": messages})


async def find_status_message(ask: Ask) -> Reply:
    """POST /chat/findStatusMessage: one row per acknowledgement of a message."""
    require(ask.body, _UPDATES, _LIMIT)
    where = ask.body.get("where", {})
    message = ask.instance.mailbox.get(str(where.get("id")))
    if message is None:
        return json_reply(200, [])
    key = message.key
    rows = [
        {
            "id": f"{message.row_id}-{index}",
            "keyId": key["id"],
            "remoteJid": key["remoteJid"],
            "fromMe": key["fromMe"],
            "participant": key.get("participant") or None,
            "pollUpdates": None,
            "status": status,
            "messageId": message.row_id,
            "instanceId": ask.instance.id,
        }
        for index, status in enumerate(message.statuses)
    ]
    return json_reply(200, rows)


async def find_contacts(ask: Ask) -> Reply:
    """POST /chat/findContacts."""
    require(ask.body, _PEOPLE)
    where = ask.body.get("where", {})
    jid = where.get("remoteJid")
    rows = [
        contact.record(ask.instance.id)
        for contact in ask.instance.mailbox.contacts.values()
        if jid is None or contact.jid == jid
    ]
    return json_reply(200, rows)


async def find_chats(ask: Ask) -> Reply:
    """POST /chat/findChats: with unread count and the 24 hour window."""
    now = ask.evolution.now()
    mailbox = ask.instance.mailbox
    rows = [_chat_row(mailbox, chat, now) for chat in mailbox.chats.values() if chat.messages]
    rows.sort(key=lambda row: str(row["updatedAt"]), reverse=True)
    return json_reply(200, rows)


async def media_base64(ask: Ask) -> Reply:
    """POST /chat/getBase64FromMediaMessage: 201 with the bytes; looks inside wrappers."""
    require_offered(ask)
    key = _media_key(ask.body)
    message = ask.instance.mailbox.get(str(key.get("id")))
    if message is None:
        raise business_error("Message not found")
    kind, block = media_block(message.data["message"])
    if block is None or message.media is None:
        raise business_error("The message is not of the media type")
    answer = {
        "mediaType": kind,
        "fileName": block.get("fileName") or f"{key['id']}.{_extension(block['mimetype'])}",
        "caption": block.get("caption"),
        "size": {
            "fileLength": long_number(len(message.media)),
            "height": block.get("height"),
            "width": block.get("width"),
        },
        "mimetype": block["mimetype"],
        "base64": base64.b64encode(message.media).decode(),
        "buffer": None,
    }
    return json_reply(201, answer)


def media_block(message: Json) -> tuple[str, Json | None]:
    """Find the media inside a message, through every wrapper."""
    for wrapper in _WRAPPERS:
        if wrapper in message:
            return media_block(message[wrapper]["message"])
    for name in _MEDIA_BLOCKS:
        if name in message:
            return name, message[name]
    return "", None


def _paging(body: Json) -> tuple[int, int]:
    """Return the page and its size, which no schema looks at: the database refuses them."""
    size, page = body.get("offset") or _DEFAULT_PAGE_SIZE, body.get("page") or 1
    if isinstance(page, str) and page.isdecimal():
        page = int(page) or 1
    if not _is_whole(size):
        raise refusal(500, "Argument `take`: Invalid value provided. Expected Int.")
    if not _is_whole(page) or page < 1:
        raise refusal(500, "Argument `skip`: Invalid value provided. Expected Int.")
    return int(page), int(size)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value % 1 == 0


def _candidates(mailbox: Mailbox, where: Json) -> Iterable[StoredMessage]:
    key = where.get("key", {})
    if "id" in key:
        message = mailbox.get(str(key["id"]))
        return [message] if message else []
    if "remoteJid" in key:
        return mailbox.in_chat(str(key["remoteJid"]))
    return mailbox


def _fits(message: StoredMessage, where: Json) -> bool:
    key = where.get("key") or {}
    # fromMe:false is ignored by the real server: it only tests for truth.
    if key.get("fromMe") and not message.key["fromMe"]:
        return False
    if "remoteJid" in key and message.key["remoteJid"] != key["remoteJid"]:
        return False
    if (kind := where.get("messageType")) and message.data["messageType"] != kind:
        return False
    span = where.get("messageTimestamp")
    if isinstance(span, dict) and span.get("gte") and span.get("lte"):
        return _seconds(span["gte"]) <= message.timestamp <= _seconds(span["lte"])
    return True


def _seconds(iso: Any) -> float:
    try:
        return datetime.fromisoformat(str(iso)).timestamp()
    except ValueError:
        raise business_error("Invalid time value") from None


def _media_key(body: Json) -> Json:
    """Return the key of the message that is asked for; no schema looks at it."""
    message = body.get("message")
    if message is None:
        what = "null" if "message" in body else "undefined"
        complaint = f"Cannot read properties of {what} (reading 'key')"
        raise business_error(f"TypeError: {complaint}")
    key = message.get("key") if isinstance(message, dict) else None
    if key is None:
        complaint = "Cannot read properties of undefined (reading 'ephemeralMessage')"
        raise business_error(f"TypeError: {complaint}")
    return key if isinstance(key, dict) else {}


def _chat_row(mailbox: Mailbox, chat: Chat, now: float) -> Json:
    last = chat.messages[-1]
    contact = mailbox.contacts.get(chat.jid)
    window = chat.last_inbound or None
    return {
        "id": chat.row_id,
        "remoteJid": chat.jid,
        "pushName": contact.push_name if contact else None,
        "profilePicUrl": contact.picture if contact else None,
        "updatedAt": now_iso(last.timestamp),
        "windowStart": now_iso(window) if window else None,
        "windowExpires": now_iso(window + _DAY_SECONDS) if window else None,
        "windowActive": bool(window and now < window + _DAY_SECONDS),
        "lastMessage": last.record(),
        "unreadCount": chat.unread,
        "isSaved": contact is not None,
    }


def _extension(mimetype: str) -> str:
    subtype = mimetype.split(";", maxsplit=1)[0].rsplit("/", maxsplit=1)[-1]
    return {"jpeg": "jpg", "mpeg": "mp3", "plain": "txt"}.get(subtype, subtype)
