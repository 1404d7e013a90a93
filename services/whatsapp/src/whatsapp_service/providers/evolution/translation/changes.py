"""What happens to messages later: how far they came, edits, deletions."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from common.contracts import (
    ChatId,
    DeliveryStatus,
    MessageDeleted,
    MessageDeliveryUpdated,
    MessageEdited,
    MessageId,
)
from whatsapp_service.domain.model import ChatAddress, Ignored, Observation
from whatsapp_service.domain.model.levels import is_further
from whatsapp_service.providers.evolution.translation.json_values import (
    entries,
    flag,
    identifier,
    mapping,
    moment,
    text,
)
from whatsapp_service.providers.evolution.translation.notice import Notice, Said
from whatsapp_service.providers.evolution.translation.people import chat_of, data_key, read_key
from whatsapp_service.providers.evolution.translation.reading import words_of

_STATUSES: dict[str | int, DeliveryStatus] = {
    "PENDING": DeliveryStatus.PENDING,
    "SERVER_ACK": DeliveryStatus.SENT,
    "SENT": DeliveryStatus.SENT,
    "DELIVERY_ACK": DeliveryStatus.DELIVERED,
    "DELIVERED": DeliveryStatus.DELIVERED,
    "READ": DeliveryStatus.READ,
    "PLAYED": DeliveryStatus.PLAYED,
    "ERROR": DeliveryStatus.FAILED,
    "FAILED": DeliveryStatus.FAILED,
    0: DeliveryStatus.FAILED,
    1: DeliveryStatus.PENDING,
    2: DeliveryStatus.SENT,
    3: DeliveryStatus.DELIVERED,
    4: DeliveryStatus.READ,
    5: DeliveryStatus.PLAYED,
}
"""By Evolution's word, by Meta's in capitals (the Cloud API channel), by WhatsApp's number."""
_REFUSED = (
    "WhatsApp refused the message. The number may be restricted to people it has talked to "
    "before, or the recipient cannot be reached."
)
_META_REFUSED = (
    "Meta refused the message: often because more than 24 hours have passed since the customer "
    "last wrote, or because the account has a payment or quality problem."
)
_CLOUD_ID = "wamid"
_CLOUD_WORDS = frozenset({"SENT", "DELIVERED", "FAILED"})
_REVOKE: tuple[Any, ...] = ("REVOKE", 0)
_EDIT: tuple[Any, ...] = ("MESSAGE_EDIT", 14)
_NOWHERE = ChatAddress("")


def furthest(words: Iterable[Any]) -> tuple[str | None, DeliveryStatus | None]:
    """Give the word that tells the furthest of a message of ours, and what it means."""
    best: tuple[str | None, DeliveryStatus | None] = (None, None)
    for word in words:
        status = _STATUSES.get(word) if isinstance(word, str) else None
        if status is not None and is_further(status, best[1]):
            best = (word, status)
    return best


def updated(notice: Notice) -> list[Said]:
    """MESSAGES_UPDATE: a message of ours came further, or was refused."""
    return [_update(notice, one) for one in entries(notice.data)]


def edited(notice: Notice) -> list[Said]:
    """MESSAGES_EDITED: WhatsApp's protocol message as it came, for edits and deletions."""
    return [_bare_protocol(notice, one) for one in entries(notice.data)]


def edited_by_us(notice: Notice) -> list[Said]:
    """SEND_MESSAGE_UPDATE: a message of ours was edited through the API."""
    return [_bare_protocol(notice, one, from_me=True) for one in entries(notice.data)]


def deleted(notice: Notice) -> list[Said]:
    """MESSAGES_DELETE: the key itself, or (deleted through the API) the message with its key."""
    return [_deletion(notice, one) for one in entries(notice.data)]


def protocol_change(
    notice: Notice, part: dict[str, Any], *, chat: ChatAddress, from_me: bool, at: datetime | None
) -> Said:
    """Say what a protocol message does to the message that it names."""
    target = identifier(mapping(part.get("key")).get("id"))
    kind = part.get("type")
    is_edit = kind in _EDIT or (kind is None and bool(part.get("editedMessage")))
    if not is_edit and not (kind in _REVOKE and kind is not False):
        return Ignored(f"a protocol message ({_short(kind)}) that changes no message")
    if target is None:
        return Ignored("an edit or a deletion that names no message")
    at = moment(part.get("timestampMs"), now=notice.now) or at
    if not is_edit:
        return _deleted(notice, target, chat, from_me=from_me, at=at)
    words = words_of(part.get("editedMessage"))
    if not words:
        return Ignored("an edit that leaves no words to read")
    event = MessageEdited(
        message_id=MessageId(target),
        chat_id=_chat_id(notice, chat),
        integration_id=notice.integration,
        text=words,
        from_me=from_me,
        edited_at=at,
    )
    return Observation(event, chat=None if chat is _NOWHERE else chat)


def _bare_protocol(notice: Notice, data: Any, *, from_me: bool = False) -> Said:
    part = mapping(data)
    key = mapping(part.get("key"))
    from_me = from_me or flag(key.get("fromMe"))
    chat = chat_of(read_key(key, from_me=from_me))
    return protocol_change(
        notice,
        part,
        chat=_NOWHERE if isinstance(chat, Ignored) else chat,
        from_me=from_me,
        at=None,
    )


def _deletion(notice: Notice, data: Any) -> Said:
    part = mapping(data)
    key = data_key(part) or part
    # Through the API, `data.id` is the row in Evolution's database and `data.key.id` ours.
    target = identifier(key.get("id")) or identifier(part.get("keyId"))
    if target is None:
        return Ignored("a deletion that names no message")
    from_me = flag(key.get("fromMe"))
    chat = chat_of(read_key(key, from_me=from_me))
    where = _NOWHERE if isinstance(chat, Ignored) else chat
    return _deleted(notice, target, where, from_me=from_me, at=None)


def _deleted(
    notice: Notice, target: str, chat: ChatAddress, *, from_me: bool, at: datetime | None
) -> Observation:
    event = MessageDeleted(
        message_id=MessageId(target),
        chat_id=_chat_id(notice, chat),
        integration_id=notice.integration,
        from_me=from_me,
        deleted_at=at,
    )
    return Observation(event, chat=None if chat is _NOWHERE else chat)


def _update(notice: Notice, data: Any) -> Said:
    part = mapping(data)
    key = data_key(part)
    target = identifier(part.get("keyId")) or identifier(key.get("id"))
    if target is None:
        return Ignored("an acknowledgement that names no message")
    message = mapping(part.get("message"))
    if message and "editedMessage" not in message:
        # Evolution 2.3.7 calls any update without a status SERVER_ACK.
        return Ignored("a message that changed otherwise than in its words")
    word = part.get("status")
    from_me = flag(part.get("fromMe", key.get("fromMe")))
    chat = chat_of(read_key({**part, **key}, from_me=from_me))
    if isinstance(chat, Ignored) and part.get("remoteJid"):
        return chat
    where = _NOWHERE if isinstance(chat, Ignored) else chat
    if message:
        # The only word of an edit: MESSAGES_EDITED, which Evolution waits for, we do without.
        edit = {"key": {"id": target}, "type": "MESSAGE_EDIT", "editedMessage": message}
        return protocol_change(notice, edit, chat=where, from_me=from_me, at=None)
    if word == "DELETED":
        return _deleted(notice, target, where, from_me=from_me, at=None)
    return _delivery(notice, target, where, word=word, from_me=from_me)


def _delivery(notice: Notice, target: str, chat: ChatAddress, *, word: Any, from_me: bool) -> Said:
    # The Cloud API channel says fromMe false for our own messages (observed on 2.3.7).
    cloud = target.startswith(_CLOUD_ID) or word in tuple(_CLOUD_WORDS)
    if not (from_me or cloud):
        return Ignored("the owner read or received a customer's message on the phone")
    status = _STATUSES.get(word) if isinstance(word, str | int) else None
    if status is None:
        return Ignored(f"a status we do not know ({_short(word)})")
    reason = None
    if status is DeliveryStatus.FAILED:
        reason = _META_REFUSED if cloud else _REFUSED
    event = MessageDeliveryUpdated(
        message_id=MessageId(target),
        chat_id=_chat_id(notice, chat),
        integration_id=notice.integration,
        status=status,
        reason=reason,
    )
    return Observation(event, chat=None if chat is _NOWHERE else chat)


def _chat_id(notice: Notice, chat: ChatAddress) -> ChatId:
    return chat.chat_id(notice.integration)


def _short(value: Any) -> str:
    return (text(value) or repr(value))[:40] if isinstance(value, str | int) else "no type"
