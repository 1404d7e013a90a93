"""The calls of chat/* that act: presence, read marks, edits, deletes, number checks."""

from __future__ import annotations

import asyncio

from sandbox.evolution.channels import require_offered
from sandbox.evolution.contents import device_info
from sandbox.evolution.errors import (
    boom_connection_closed,
    business_error,
    connection_closed,
    refusal,
)
from sandbox.evolution.jids import LID, is_group, to_jid
from sandbox.evolution.mailbox import StoredMessage
from sandbox.evolution.schema import KEY, NUMBER, PRESENCES, Field, require
from sandbox.evolution.service import Ask
from sandbox.wire import Json, Reply, json_reply

_READ_MARKS = Field(
    "readMessages",
    "array",
    required=True,
    # The schema gives its items no type.
    of="any",
    shape=KEY,
    span=(1, None),
    distinct=True,
    filled=("id", "remoteJid"),
)
_NUMBERS = Field(
    "numbers",
    "array",
    of="string",
    span=(1, None),
    distinct=True,
    says='"numbers" must be an array of numeric strings',
)
_EDIT_TYPE = 14
_EDITABLE = ("conversation", "imageMessage", "videoMessage")
"""What updateMessage changes: words and captions."""


async def send_presence(ask: Ask) -> Reply:
    """POST /chat/sendPresence: blocks for the delay."""
    body = ask.body
    require(
        body,
        NUMBER,
        Field("presence", "string", required=True, among=PRESENCES),
        Field("delay", "number", required=True),
    )
    require_offered(ask)
    jid, exists = ask.evolution.directory.look_up(body["number"])
    if not ask.instance.connected:
        raise connection_closed(cached=True)
    if not exists:
        # What is thrown where the number is missed is caught here, and put into words.
        raise business_error("[object Object]")
    ask.instance.known_jids.add(jid)
    at = ask.evolution.now()
    ask.instance.presences.append({"jid": jid, "presence": body["presence"], "at": at})
    await asyncio.sleep(body["delay"] / 1000 * ask.evolution.settings.delay_scale)
    return json_reply(201, {"presence": body["presence"]})


async def mark_as_read(ask: Ask) -> Reply:
    """POST /chat/markMessageAsRead: keys with a LID are dropped silently, as on 2.3."""
    require(ask.body, _READ_MARKS)
    require_offered(ask)
    if not ask.instance.connected:
        raise refusal(500, ["Read messages fail", "Error: Connection Closed"])
    mailbox = ask.instance.mailbox
    for key in ask.body["readMessages"]:
        if key is None:
            complaint = "TypeError: Cannot read properties of null (reading 'remoteJid')"
            raise refusal(500, ["Read messages fail", complaint])
        if not isinstance(key, dict):
            continue
        jid = key["remoteJid"]
        chat = mailbox.chats.get(jid)
        message = mailbox.get(key["id"])
        if jid.endswith(LID) or chat is None or message is None:
            continue
        message.statuses.append("READ")
        chat.unread = 0
        ask.evolution.record_act(ask.instance, "read", key)
    return json_reply(201, {"message": "Read messages", "read": "success"})


async def whatsapp_numbers(ask: Ask) -> Reply:
    """POST /chat/whatsappNumbers: groups come first; errors have no envelope."""
    require(ask.body, _NUMBERS)
    require_offered(ask)
    instance, evolution = ask.instance, ask.evolution
    if not instance.connected:
        raise boom_connection_closed()
    groups: list[Json] = []
    people: list[Json] = []
    for number in ask.body.get("numbers", ()):
        jid, exists = evolution.directory.look_up(str(number))
        row: Json = {"jid": jid, "exists": exists, "number": str(number)}
        contact = instance.mailbox.contacts.get(jid)
        if contact is not None and contact.push_name:
            row["name"] = contact.push_name
        if (lid := evolution.directory.lid_of(jid)) is not None:
            row["lid"] = lid
        if exists:
            instance.known_jids.add(jid)
        (groups if is_group(jid) else people).append(row)
    return json_reply(200, [*groups, *people])


async def update_message(ask: Ask) -> Reply:
    """POST /chat/updateMessage: edit a sent text; the answer is raw protobuf JSON."""
    body = ask.body
    require(
        body,
        Field("number", "string"),
        Field("text", "string", required=True),
        Field("key", "object", shape=KEY, filled=("id", "remoteJid")),
        filled=("number", "text", "key"),
    )
    require_offered(ask)
    message = _editable(ask)
    at = int(ask.evolution.now() * 1000)
    edited: Json = {"extendedTextMessage": {"text": body["text"]}}
    message.data = message.data | {"message": _with_words(message, body["text"])}
    ask.evolution.record_act(ask.instance, "edit", message.key, body["text"])
    data = {"key": message.key, "editedMessage": edited, "timestampMs": at, "type": _EDIT_TYPE}
    ask.evolution.courier.emit(ask.instance, "SEND_MESSAGE_UPDATE", data)
    protocol: Json = {
        "key": message.key,
        "type": "MESSAGE_EDIT",
        "editedMessage": edited,
        "timestampMs": str(at),
    }
    return json_reply(200, _protocol_answer(ask, message, protocol))


async def delete_for_everyone(ask: Ask) -> Reply:
    """DELETE /chat/deleteMessageForEveryone: tells MESSAGES_DELETE with the database id."""
    require(
        ask.body,
        *KEY,
        Field("participant", "string"),
        filled=("id", "remoteJid", "participant"),
    )
    require_offered(ask)
    if not ask.instance.connected:
        failed = "Error while deleting message for everyone"
        raise refusal(500, [failed, "Error: Connection Closed"])
    message = _own(ask, ask.body["id"])
    message.statuses.append("DELETED")
    ask.evolution.record_act(ask.instance, "delete", message.key)
    data = {"id": message.row_id, **message.data, "status": "DELETED"}
    ask.evolution.courier.emit(ask.instance, "MESSAGES_DELETE", data)
    protocol: Json = {"key": message.key, "type": "REVOKE"}
    return json_reply(201, _protocol_answer(ask, message, protocol))


async def profile_picture(ask: Ask) -> Reply:
    """POST /chat/fetchProfilePictureUrl."""
    require(ask.body, Field("number", "string"), Field("picture", "string"))
    jid = _named(ask)
    contact = ask.instance.mailbox.contacts.get(jid)
    picture = contact.picture if contact else None
    return json_reply(200, {"wuid": jid, "profilePictureUrl": picture})


def _named(ask: Ask) -> str:
    """Return the address of the number in the body, which the schema does not ask for."""
    if "number" not in ask.body:
        raise refusal(500, "Cannot read properties of undefined (reading 'replace')")
    return to_jid(ask.body["number"])


def _editable(ask: Ask) -> StoredMessage:
    jid = _named(ask)
    key = ask.body.get("key")
    message = ask.instance.mailbox.get(key["id"]) if key else None
    if message is None or message.data["messageType"] not in _EDITABLE:
        raise business_error("Message not compatible")
    if message.key["remoteJid"] != jid:
        raise business_error("RemoteJid does not match")
    if not ask.instance.connected:
        raise connection_closed(cached=False)
    if not message.key["fromMe"]:
        raise business_error("You cannot edit others messages")
    return message


def _with_words(message: StoredMessage, words: str) -> Json:
    kind = message.data["messageType"]
    if kind == "conversation":
        return {"conversation": words}
    block: Json = message.data["message"][kind]
    return {kind: block | {"caption": words}}


def _own(ask: Ask, key_id: str) -> StoredMessage:
    message = ask.instance.mailbox.get(key_id)
    if message is None:
        raise business_error("Message not found")
    if not message.key["fromMe"]:
        raise business_error("Message not sent by this instance")
    return message


def _protocol_answer(ask: Ask, message: StoredMessage, protocol: Json) -> Json:
    now = int(ask.evolution.now())
    info = {"messageSecret": device_info(now)["messageSecret"]}
    return {
        "key": {
            "remoteJid": message.key["remoteJid"],
            "fromMe": True,
            "id": ask.evolution.ids.sent(),
        },
        "message": {"protocolMessage": protocol, "messageContextInfo": info},
        "messageTimestamp": str(now),
        "status": "PENDING",
    }
