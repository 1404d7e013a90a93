"""What every send call does: check the number, wait, send, store, tell, answer."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from sandbox.evolution import acks
from sandbox.evolution.contents import Content
from sandbox.evolution.errors import business_error, connection_closed, not_on_whatsapp
from sandbox.evolution.events import long_number
from sandbox.evolution.jids import is_person, to_jid
from sandbox.evolution.mailbox import StoredMessage
from sandbox.evolution.service import Ask, Evolution
from sandbox.evolution.state import BAILEYS, BUSINESS, EVOLUTION, Instance
from sandbox.wire import Json, Reply, json_reply

ME = "Você"
_TWO_DAYS = 172_800
_WITHOUT_OPTIONS = frozenset({"contact", "reaction"})
"""What is sent at once and answers nothing, whatever the body says; no schema looks at it."""


def reachable(evolution: Evolution, instance: Instance, number: str) -> str:
    """Return the address a message for `number` goes to.

    Raises:
        Refusal: the socket is closed, or the number has no WhatsApp.
    """
    if instance.integration == EVOLUTION:
        return number
    jid, exists = evolution.directory.look_up(number)
    if not instance.connected:
        raise connection_closed(cached=is_cached(evolution, instance, number))
    if not exists:
        raise not_on_whatsapp(jid, number)
    instance.known_jids.add(jid)
    return jid


def is_cached(evolution: Evolution, instance: Instance, number: str) -> bool:
    """Whether the number was seen before, so that WhatsApp is not asked again."""
    jid, _ = evolution.directory.look_up(number)
    return not is_person(jid) or jid in instance.known_jids


async def send(ask: Ask, number: str, content: Content) -> Reply:
    """Send a message: 201 with the message object, its webhook, its acknowledgements to come."""
    evolution, instance = ask.evolution, ask.instance
    jid = reachable(evolution, instance, number)
    options = {} if content.kind in _WITHOUT_OPTIONS else ask.body
    if delay := options.get("delay"):
        await asyncio.sleep(delay / 1000 * evolution.settings.delay_scale)
        if not instance.connected:
            raise connection_closed(cached=True)
    data = _message_data(ask, jid, content, options)
    message = StoredMessage(evolution.ids.row(), data, content.media)
    instance.mailbox.add(message)
    said = {"kind": content.kind, "body": ask.body, "unseen": content.unseen}
    evolution.record_sent(instance, number, data["key"], said)
    shown = with_base64(instance, message)
    evolution.courier.emit(instance, "SEND_MESSAGE", shown)
    acks.plan(evolution, instance, message, ask.point)
    return json_reply(201, shown)


def with_base64(instance: Instance, message: StoredMessage) -> Json:
    """Return the message's data, with its bytes inline when the instance was told so."""
    data = message.data
    if message.media is None or not instance.base64_live:
        return data
    inline = {"base64": base64.b64encode(message.media).decode()}
    return data | {"message": data["message"] | inline}


def _message_data(ask: Ask, jid: str, content: Content, options: Json) -> Json:
    instance = ask.instance
    at = int(ask.evolution.now())
    common: Json = {
        "message": content.message,
        "messageType": content.message_type,
        "messageTimestamp": at,
        "instanceId": instance.id,
    }
    quoted = _quoted(instance, options.get("quoted"))
    if instance.integration != BAILEYS:
        return {"key": _foreign_key(ask.evolution, instance, jid), **common, "source": "unknown"}
    context = _context(options, at) | (quoted or {})
    if content.kind == "voice":
        context = {"statusAttributions": [], **context}
    if content.media is not None:
        common["message"] = {
            name: block | {"contextInfo": context} for name, block in content.message.items()
        }
    return {
        "key": {"remoteJid": jid, "fromMe": True, "id": ask.evolution.ids.sent()},
        "pushName": ME,
        "status": "PENDING",
        "message": common["message"],
        "contextInfo": context | (content.context or {}),
        "messageType": common["messageType"],
        "messageTimestamp": at,
        "instanceId": instance.id,
        "source": "web",
    }


def _foreign_key(evolution: Evolution, instance: Instance, jid: str) -> Json:
    if instance.integration == BUSINESS:
        return {"id": evolution.ids.cloud(), "remoteJid": to_jid(jid), "fromMe": True}
    return {"fromMe": True, "id": evolution.ids.uuid(), "remoteJid": jid}


def _context(options: Json, at: int) -> Json:
    return {
        "mentionedJid": [to_jid(number) for number in options.get("mentioned") or ()],
        "groupMentions": [],
        "ephemeralSettingTimestamp": long_number(at - _TWO_DAYS, unsigned=False),
        "disappearingMode": {"initiator": 0},
    }


def _quoted(instance: Instance, quoted: Any) -> Json | None:
    """Return what a message that answers another says of that one.

    The schema gives `quoted` no type. What JavaScript takes for nothing is nothing, an id that
    nobody knows is ignored silently; what has no key is refused while it is sent.
    """
    if not quoted and not isinstance(quoted, list | dict):
        return None
    key = quoted.get("key") if isinstance(quoted, dict) else None
    if key is None:
        baileys = "TypeError: Cannot read properties of undefined (reading 'fromMe')"
        raise business_error(baileys if instance.integration == BAILEYS else "Message not found")
    message = quoted.get("message")
    if message is None:
        known = instance.mailbox.get(key["id"])
        if known is None:
            return None
        key, message = known.key, known.data["message"]
    author = key.get("participant") or key.get("remoteJid") or ""
    return {
        "stanzaId": key["id"],
        "participant": instance.sender if key.get("fromMe") else author,
        "quotedMessage": message,
    }
