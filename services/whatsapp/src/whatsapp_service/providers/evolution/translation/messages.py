"""MESSAGES_UPSERT, MESSAGES_SET and SEND_MESSAGE: messages that were written."""

from typing import Any, NamedTuple

from common.contracts import Group, MessageId, MessageReceived, MessageSent, Sender
from whatsapp_service.domain.model import ChatAddress, Ignored, Observation
from whatsapp_service.providers.evolution.translation.changes import protocol_change
from whatsapp_service.providers.evolution.translation.json_values import (
    entries,
    flag,
    identifier,
    mapping,
    moment,
    text,
)
from whatsapp_service.providers.evolution.translation.notice import Notice, Said
from whatsapp_service.providers.evolution.translation.people import (
    Key,
    chat_of,
    data_key,
    name_of,
    owner_of,
    participant_of,
    read_key,
    sender_of,
)
from whatsapp_service.providers.evolution.translation.reading import (
    Protocol,
    Reading,
    read_message,
)

TELEPHONES = frozenset({"ios", "android"})
"""Sources of what is typed; what goes through the API has the source "web" (observed on 2.3.7)."""


def written(notice: Notice) -> list[Said]:
    """MESSAGES_UPSERT: somebody wrote to the number, or its owner wrote from the phone."""
    return [_received(notice, one) for one in _messages(notice.data)]


def history(notice: Notice) -> list[Said]:
    """MESSAGES_SET: what was written before the number was connected.

    It is told as received and stale: kept and shown, never answered. Ignoring it would throw
    away what the operator asked for by switching the history on; it is off unless he does.
    """
    return [_received(notice, one, stale=True) for one in _messages(notice.data)]


def sent(notice: Notice) -> list[Said]:
    """SEND_MESSAGE: something was sent through Evolution's API, by us or by somebody else."""
    return [_sent(notice, one) for one in _messages(notice.data)]


def _messages(data: Any) -> list[Any]:
    if isinstance(data, dict) and isinstance(data.get("messages"), list):
        return list(data["messages"])
    return entries(data)


class _Head(NamedTuple):
    """What every message has: its id, its direction, its addresses and its chat."""

    id: MessageId
    from_me: bool
    key: Key
    chat: ChatAddress
    name: str | None


def _head(data: dict[str, Any]) -> _Head | Ignored:
    key = data_key(data)
    message_id = identifier(key.get("id"))
    if message_id is None:
        return Ignored("the message has no usable id")
    from_me = flag(key.get("fromMe"))
    name = None if from_me else name_of(data.get("pushName"))
    addresses = read_key(key, from_me=from_me)
    chat = chat_of(addresses, name)
    if isinstance(chat, Ignored):
        return chat
    return _Head(MessageId(message_id), from_me, addresses, chat, name)


def _received(notice: Notice, data: Any, *, stale: bool = False) -> Said:
    head = _head(data) if isinstance(data, dict) else Ignored("the message is not an object")
    if isinstance(head, Ignored):
        return head
    read = read_message(data, from_me=head.from_me)
    if isinstance(read, Ignored):
        return read
    sent_at = moment(data.get("messageTimestamp"), now=notice.now) or notice.now
    if isinstance(read, Protocol):
        return protocol_change(notice, read.part, chat=head.chat, from_me=head.from_me, at=sent_at)
    content = read.content
    event = MessageReceived(
        message_id=head.id,
        chat_id=head.chat.chat_id(notice.integration),
        integration_id=notice.integration,
        kind=content.kind,
        text=content.text,
        sender=_sender(notice, head),
        contact=_contact(head),
        from_me=head.from_me,
        sent_at=sent_at,
        stale=stale,
        **({} if read.is_plain and head.chat.group is None else _more(read, head)),
    )
    return Observation(
        event,
        chat=head.chat,
        typed=text(data.get("source")) in TELEPHONES,
        unsupported=content.unsupported,
        file=None if content.media is None else _file(data),
        participant=None if head.chat.group is None else _participant(head),
    )


def _more(read: Reading, head: _Head) -> dict[str, Any]:
    """Say what a plain text of one person to another has nothing of."""
    content, context = read
    return {
        "choice_id": content.choice_id,
        "options": content.options,
        "media": content.media,
        "location": content.location,
        "contacts": content.contacts,
        "reply_to": context.reply_to,
        "mentions": context.mentions,
        "group": None if head.chat.group is None else Group(id=head.chat.group),
        "referral": None if head.from_me else context.referral,
    }


def _file(data: dict[str, Any]) -> str | None:
    """Give the file in base64, where the webhook carries it; never for wrapped messages."""
    return text(mapping(data.get("message")).get("base64"))


def _participant(head: _Head) -> str | None:
    return None if head.from_me else participant_of(head.key)


def _sender(notice: Notice, head: _Head) -> Sender:
    if head.from_me:
        return owner_of(head.key, head.chat, notice.body.get("sender"))
    return sender_of(head.key, head.chat, head.name)


def _contact(head: _Head) -> Sender | None:
    if not head.from_me or head.chat.group is not None:
        return None
    return Sender(phone=head.chat.phone, lid=head.chat.lid)


def _sent(notice: Notice, data: Any) -> Said:
    if not isinstance(data, dict):
        return Ignored("the message is not an object")
    head = _head({**data, "key": {**data_key(data), "fromMe": True}})
    if isinstance(head, Ignored):
        return head
    read = read_message(data, from_me=True)
    if not isinstance(read, Reading):
        return read if isinstance(read, Ignored) else Ignored("our own edit or deletion")
    content = read.content
    event = MessageSent(
        message_id=head.id,
        chat_id=head.chat.chat_id(notice.integration),
        integration_id=notice.integration,
        kind=content.kind,
        text=content.text,
        sent_at=moment(data.get("messageTimestamp"), now=notice.now) or notice.now,
    )
    return Observation(event, chat=head.chat, echo=True, unsupported=content.unsupported)
