"""What happens on the WhatsApp side: somebody writes, edits, takes back, reads."""

from __future__ import annotations

import base64
import re

from sandbox.evolution.inbound_order import InboundOrder
from sandbox.evolution.jids import GROUP, LID, PERSON, is_group
from sandbox.evolution.mailbox import Contact, StoredMessage
from sandbox.evolution.sending import ME
from sandbox.evolution.service import Evolution
from sandbox.evolution.state import EVOLUTION, Instance
from sandbox.evolution.written import written_content
from sandbox.wire import Json

# Captured: a plain text and a reaction have no contextInfo at all, other kinds have a null.
_WITHOUT_CONTEXT = frozenset({"text", "reaction"})


def receive(evolution: Evolution, instance: Instance, order: InboundOrder) -> str:
    """Let a message arrive at an instance; return its WhatsApp id.

    It is stored and told by MESSAGES_UPSERT, both behind an edit that still waits for its
    receiver. `order.duplicate` repeats both; `order.silent` stores without telling.
    """
    message = _arrived(evolution, instance, order)
    for _ in range(1 + order.duplicate):
        evolution.courier.in_order(instance, lambda: _deliver(evolution, instance, message, order))
    return str(message.key["id"])


def edit(evolution: Evolution, instance: Instance, message: StoredMessage, text: str) -> None:
    """Let the customer change a message: MESSAGES_EDITED, awaited, then an update with it."""
    at = int(evolution.now() * 1000)
    edited = {"conversation": text}
    data = {
        "key": _bare(message.key),
        "type": "MESSAGE_EDIT",
        "editedMessage": edited,
        # Raw protobuf JSON: 64-bit numbers are decimal strings here.
        "timestampMs": str(at),
    }
    evolution.courier.emit_blocking(instance, "MESSAGES_EDITED", data)
    message.data = message.data | {"message": edited}
    update = {
        "keyId": message.key["id"],
        "remoteJid": message.key["remoteJid"],
        "fromMe": message.key["fromMe"],
        "status": "SERVER_ACK",
        "instanceId": instance.id,
        "messageId": message.row_id,
        "message": {"editedMessage": {"message": edited}},
    }
    evolution.courier.in_order(
        instance, lambda: evolution.courier.emit(instance, "MESSAGES_UPDATE", update)
    )


def revoke(evolution: Evolution, instance: Instance, message: StoredMessage) -> None:
    """Let the customer delete a message: MESSAGES_EDITED with REVOKE, and MESSAGES_DELETE."""
    data = {"key": _bare(message.key), "type": "REVOKE"}
    evolution.courier.emit_blocking(instance, "MESSAGES_EDITED", data)
    message.statuses.append("DELETED")
    gone = message.key | {"status": "DELETED"}
    # Told beside the awaited one, as in the captured bodies: 22 ms later, not after it.
    evolution.courier.emit(instance, "MESSAGES_DELETE", gone)


def _arrived(evolution: Evolution, instance: Instance, order: InboundOrder) -> StoredMessage:
    at = int(evolution.now()) if order.timestamp is None else order.timestamp
    key = _key(evolution, instance, order)
    content = written_content(instance, order, at)
    common: Json = {
        "messageType": content.message_type,
        "messageTimestamp": at,
        "instanceId": instance.id,
    }
    if instance.integration == EVOLUTION:
        plain = {name: key[name] for name in ("id", "remoteJid", "fromMe")}
        data = {"key": plain, "pushName": order.name, "message": content.message, **common}
        data["source"] = "unknown"
    else:
        data = {
            "key": key,
            "pushName": ME if order.from_me else order.name,
            "status": "SERVER_ACK" if order.from_me else "DELIVERY_ACK",
            "message": content.message,
        }
        if content.context is not None or content.kind not in _WITHOUT_CONTEXT:
            data["contextInfo"] = content.context
        data |= common
        data["source"] = order.source
    return StoredMessage(evolution.ids.row(), data, content.media)


def _deliver(
    evolution: Evolution, instance: Instance, message: StoredMessage, order: InboundOrder
) -> None:
    instance.mailbox.add(message)
    jid = message.key["remoteJid"]
    instance.known_jids.add(jid)
    if order.silent:
        return
    _meet(evolution, instance, message)
    shown = message.data
    wraps = message.data["messageType"] in {"ephemeralMessage", "viewOnceMessageV2"}
    if message.media is not None and instance.base64_live and not wraps:
        inline = {"base64": base64.b64encode(message.media).decode()}
        shown = shown | {"message": shown["message"] | inline}
    evolution.courier.emit(instance, "MESSAGES_UPSERT", shown)


def _meet(evolution: Evolution, instance: Instance, message: StoredMessage) -> None:
    jid, contacts = message.key["remoteJid"], instance.mailbox.contacts
    if message.key["fromMe"] or jid in contacts:
        return
    name = None if is_group(jid) else message.data["pushName"]
    contacts[jid] = Contact(evolution.ids.row(), jid, name, None, evolution.now())
    data = {
        "remoteJid": jid,
        "pushName": name,
        "profilePicUrl": None,
        "instanceId": instance.id,
    }
    evolution.courier.emit(instance, "CONTACTS_UPSERT", data)


def _key(evolution: Evolution, instance: Instance, order: InboundOrder) -> Json:
    phone = address(order.sender) if order.sender else None
    lid = _lid(order.lid) if order.lid else None
    if phone and lid:
        evolution.directory.remember_lid(phone, lid)
    key_id = order.message_id or evolution.ids.phone(order.source)
    if order.group:
        return _group_key(instance, order, (phone, lid), key_id)
    by_lid = order.addressing == "lid" or phone is None
    key: Json = {
        "remoteJid": phone or lid,
        "fromMe": order.from_me,
        "id": key_id,
        "participant": "",
        "addressingMode": "lid" if by_lid else "pn",
    }
    if phone and by_lid:
        # 2.3.7 rewrites the address to the phone and loses the LID.
        key["remoteJidAlt"] = phone
    elif phone and lid:
        key["remoteJidAlt"] = lid
    return key


def _group_key(
    instance: Instance, order: InboundOrder, who: tuple[str | None, str | None], key_id: str
) -> Json:
    phone, lid = who
    by_lid = lid is not None and (order.addressing == "lid" or phone is None)
    author = instance.sender if order.from_me else (lid if by_lid else phone)
    key: Json = {
        "remoteJid": order.group if GROUP in str(order.group) else f"{order.group}{GROUP}",
        "fromMe": order.from_me,
        "id": key_id,
        "participant": author,
        "addressingMode": "lid" if by_lid else "pn",
    }
    other = phone if by_lid else lid
    if other is not None:
        key["participantAlt"] = other
    return key


def address(number: str) -> str:
    """Return a customer's address as WhatsApp itself says it: no rule about ninth digits."""
    return number if "@" in number else re.sub(r"\D", "", number) + PERSON


def _lid(value: str) -> str:
    return value if value.endswith(LID) else f"{value}{LID}"


def _bare(key: Json) -> Json:
    return {name: key[name] for name in ("remoteJid", "fromMe", "id")}
