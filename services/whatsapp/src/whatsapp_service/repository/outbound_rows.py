"""How commands on their way are written to rows, and read from them."""

from collections.abc import Iterable
from typing import Any

import orjson
from pydantic import TypeAdapter

from common.contracts import (
    ChatId,
    CommandId,
    ConnectionState,
    Content,
    Envelope,
    IntegrationId,
    MessageId,
    SendMessage,
    TenantId,
    Text,
)
from whatsapp_service.domain.model import Outbound, OutboundState, Transport
from whatsapp_service.domain.model.outgoing import Message, words_of
from whatsapp_service.domain.ports import PartSent, Sending, Target
from whatsapp_service.repository.settings_rows import read_settings

COLUMNS = """
    o.command_id, o.tenant_id, o.integration_id, o.chat_id, o.text, o.content, o.typing_ms,
    o.priority, o.exempt, o.state, o.created_at, o.attempt_at, o.expires_at, o.sent_at, o.sent_ids,
    o.code, o.reason"""
_CONTENT: TypeAdapter[Content] = TypeAdapter(Content)


def write_command(command: Envelope[SendMessage]) -> dict[str, Any]:
    """Give the columns of a command; a plain text, which most are, needs no `content`."""
    event = command.event
    content = _storable(event.content.model_dump(exclude_none=True))
    plain = isinstance(event.content, Text) and content.keys() <= {"kind", "text"}
    return {
        "command_id": event.command_id,
        "tenant_id": command.tenant,
        "integration_id": event.integration_id,
        "chat_id": event.chat_id,
        "kind": event.content.kind,
        "text": _storable(_words(event.content)),
        "content": None if plain else content,
        "typing_ms": event.typing_ms,
        "priority": event.priority,
        "expires_at": event.expires_at,
    }


def write_part(done: PartSent) -> dict[str, Any]:
    """Give what is written of a part that is out."""
    sending = done.next_at is not None
    return {
        "command_id": done.after.command_id,
        "state": OutboundState.SENDING if sending else done.after.state,
        "message_id": done.sent.message_id,
        "remote_jid": done.sent.remote_jid or None,
        "sent_at": done.sent.sent_at,
        "next_at": done.next_at,
        "kind": done.event.kind,
        "text": done.event.text,
        "content": orjson.Fragment(done.content),
    }


def dumped(rows: Iterable[dict[str, Any]]) -> str:
    """Write rows as the one JSON parameter that a statement takes."""
    return orjson.dumps(list(rows)).decode()


def _words(content: Content) -> str:
    if isinstance(content, Message):
        return words_of(content)
    return getattr(content, "text", "")


def _storable(value: Any) -> Any:
    """Leave out NUL, which Postgres cannot hold and nobody can read."""
    match value:
        case str():
            return value.replace("\0", "")
        case dict():
            return {name: _storable(one) for name, one in value.items()}
        case list() | tuple():
            return [_storable(one) for one in value]
        case _:
            return value


def read_outbound(row: Any) -> Outbound:
    """Read what was asked for, and where it stands."""
    content = row["content"]
    return Outbound(
        command_id=CommandId(row["command_id"]),
        tenant=TenantId(row["tenant_id"]),
        integration_id=IntegrationId(row["integration_id"]),
        chat_id=ChatId(row["chat_id"]),
        content=(
            # Not parsed anew: it was when it came, and rows of before may be of no words.
            Text.model_construct(text=row["text"])
            if content is None
            else _CONTENT.validate_python(content)
        ),
        state=OutboundState(row["state"]),
        created_at=row["created_at"],
        typing_ms=row["typing_ms"],
        priority=row["priority"],
        exempt=row["exempt"],
        attempt_at=row["attempt_at"],
        expires_at=row["expires_at"],
        sent_at=row["sent_at"],
        sent_ids=tuple(MessageId(one) for one in row["sent_ids"]),
        code=row["code"],
        reason=row["reason"],
    )


def read_sending(row: Any) -> Sending:
    """Read a command with all that must be known to send it.

    The last message decides how we address a person, so what was sent a moment ago may be filed
    under another of the addresses.
    """
    known = [row["reply_to"]] if row["reply_to"] else []
    known += [_phone_jid(row["phone"])] if row["phone"] else []
    known += [_lid_jid(row["lid"])] if row["lid"] else []
    return Sending(
        outbound=read_outbound(row),
        instance=row["instance"],
        state=ConnectionState(row["number_state"] or ConnectionState.DELETED),
        jids=tuple(dict.fromkeys(known)),
        opted_out=row["opted_out"],
        settings=read_settings(row),
        transport=Transport(row["transport"] or Transport.BAILEYS),
    )


def read_target(row: Any) -> Target:
    """Read a message that a command is about; the sender comes with what others wrote in groups."""
    _, outgoing, remote_jid, participant, sender = row
    if outgoing:
        return Target(outgoing, remote_jid)
    return Target(outgoing, remote_jid, participant or _likely_participant(sender or {}))


def _likely_participant(sender: dict[str, Any]) -> str | None:
    """Guess how a group spelled who wrote, of messages from before that was kept."""
    # By LID if there is one: WhatsApp turns its groups to it, one after the other. And a LID is as
    # WhatsApp wrote it, while a Brazilian phone is kept with a ninth digit that it may not have.
    if sender.get("lid"):
        return _lid_jid(sender["lid"])
    return _phone_jid(sender["phone"]) if sender.get("phone") else None


def _phone_jid(phone: str) -> str:
    return f"{phone.removeprefix('+')}@s.whatsapp.net"


def _lid_jid(lid: str) -> str:
    return f"{lid}@lid"


def broadcast_pace(integration_id: str) -> str:
    """Name the pace that a number's broadcasts keep."""
    return f"{integration_id}:broadcast"
