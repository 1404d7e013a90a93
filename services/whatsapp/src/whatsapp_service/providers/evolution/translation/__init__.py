"""What an Evolution webhook says, in our words: pure, total, and without memory.

Facts: Evolution API 2.3.6, 2.3.7 and 2.4.0-rc2, observed and read in its source
(https://github.com/evolution-foundation/evolution-api).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from common.contracts import IntegrationId
from whatsapp_service.domain.model import Ignored, Unknown
from whatsapp_service.providers.evolution.translation import (
    changes,
    connection,
    directory,
    messages,
)
from whatsapp_service.providers.evolution.translation.notice import Notice, Read, Said

_READ: dict[str, Read] = {
    "messages.upsert": messages.written,
    "messages.set": messages.history,
    "send.message": messages.sent,
    "messages.update": changes.updated,
    "messages.edited": changes.edited,
    "messages.delete": changes.deleted,
    "send.message.update": changes.edited_by_us,
    "connection.update": connection.connection_update,
    "qrcode.updated": connection.qr_code,
    "status.instance": connection.status_instance,
    "logout.instance": connection.logged_out,
    "remove.instance": connection.removed,
    "instance.delete": connection.removed,
    "contacts.upsert": directory.contacts,
    "contacts.update": directory.contacts,
    "contacts.set": directory.contacts,
    "groups.upsert": directory.groups,
    "groups.update": directory.groups,
    "group.update": directory.groups,
    "group.participants.update": directory.group_participants,
    "call": directory.calls,
}
_CHATS = "chats are kept from their messages, not from WhatsApp's list of chats"
_LABELS = "WhatsApp's own labels are not used"
_BOTS = "Evolution's own bots are not used"
_IGNORED = {
    "instance.create": "we made the instance ourselves",
    "application.startup": "Evolution started; its numbers report on their own",
    "presence.update": "who is online or typing is not kept",
    "chats.upsert": _CHATS,
    "chats.update": _CHATS,
    "chats.set": _CHATS,
    "chats.delete": "a chat deleted on the phone stays in our history",
    "labels.edit": _LABELS,
    "labels.association": _LABELS,
    "typebot.start": _BOTS,
    "typebot.change.status": _BOTS,
    "messaging.history.set": "a count of the history; its messages come as messages.set",
    "creds.update": "Evolution's own credentials are none of our business",
    # It would end in the dead letters otherwise, with Evolution's global key inside.
    "error": "Evolution reports an error of its own; it concerns no number",
}


def translate(body: dict[str, Any], *, integration: IntegrationId, now: datetime) -> Sequence[Said]:
    """Say everything a webhook body says; at least one thing, and never an exception.

    Chat ids are those that new chats would get. What is deliberately no event is `Ignored`;
    what we have never heard of is `Unknown`.
    """
    if not isinstance(body, dict):
        return [Unknown("the body is not an object")]
    name = body.get("event")
    if not isinstance(name, str) or not name:
        return [Unknown("the body names no event")]
    read = _READ.get(name)
    if read is None:
        name = _plain_name(name)
        read = _READ.get(name)
    if read is None:
        return [_unread(name)]
    said = read(Notice(name, body, body.get("data"), integration, now))
    return list(said) or [Ignored(f"{name} came with nothing in it")]


def _plain_name(name: str) -> str:
    """Take `MESSAGES_UPSERT`, `messages-upsert` and `messages.upsert` for the same."""
    return name[:80].lower().replace("_", ".").replace("-", ".")


def _unread(name: str) -> Said:
    reason = _IGNORED.get(name)
    return Unknown(f"unknown event {name!r}") if reason is None else Ignored(reason)


__all__ = ["translate"]
