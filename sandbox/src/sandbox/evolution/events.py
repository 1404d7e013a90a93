"""The names of Evolution's events, and the data blocks that more than one call builds."""

from __future__ import annotations

from datetime import UTC, datetime

from sandbox.wire import Json

EVENTS = (
    "APPLICATION_STARTUP",
    "QRCODE_UPDATED",
    "MESSAGES_SET",
    "MESSAGES_UPSERT",
    "MESSAGES_EDITED",
    "MESSAGES_UPDATE",
    "MESSAGES_DELETE",
    "SEND_MESSAGE",
    "SEND_MESSAGE_UPDATE",
    "CONTACTS_SET",
    "CONTACTS_UPSERT",
    "CONTACTS_UPDATE",
    "PRESENCE_UPDATE",
    "CHATS_SET",
    "CHATS_UPSERT",
    "CHATS_UPDATE",
    "CHATS_DELETE",
    "GROUPS_UPSERT",
    "GROUP_UPDATE",
    "GROUP_PARTICIPANTS_UPDATE",
    "CONNECTION_UPDATE",
    "LABELS_EDIT",
    "LABELS_ASSOCIATION",
    "CALL",
    "TYPEBOT_START",
    "TYPEBOT_CHANGE_STATUS",
    "REMOVE_INSTANCE",
    "LOGOUT_INSTANCE",
    "INSTANCE_CREATE",
    "INSTANCE_DELETE",
    "STATUS_INSTANCE",
)

# One name keeps a dash when it is dotted.
_DOTTED = {"GROUP_PARTICIPANTS_UPDATE": "group-participants.update"}
DOTTED = {name: _DOTTED.get(name, name.lower().replace("_", ".")) for name in EVENTS}
PATHS = {name: dotted.replace(".", "-") for name, dotted in DOTTED.items()}
BY_DOTTED = {dotted: name for name, dotted in DOTTED.items()}


def now_iso(at: float) -> str:
    """Write a time (Unix seconds) as JavaScript does: milliseconds and a Z."""
    text = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def long_number(value: int, *, unsigned: bool = True) -> Json:
    """Write a 64-bit number as Baileys' Long objects come out in JSON."""
    low = value & 0xFFFFFFFF
    if low >= 0x80000000:
        low -= 0x100000000
    return {"low": low, "high": value >> 32, "unsigned": unsigned}


def byte_map(data: bytes) -> dict[str, int]:
    """Write bytes as JSON does with a JavaScript byte array: index to number."""
    return {str(index): byte for index, byte in enumerate(data)}
