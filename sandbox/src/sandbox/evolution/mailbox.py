"""The messages, contacts and chats that Evolution keeps per instance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sandbox.evolution.events import now_iso
from sandbox.wire import Json


@dataclass(slots=True)
class StoredMessage:
    """A message as it is in Evolution's database.

    Attributes:
        data: the block of messages.upsert and send.message, without inline media.
        media: the bytes that getBase64FromMediaMessage serves; None for other kinds.
        statuses: the levels of its acknowledgements, in the order of arrival.
    """

    row_id: str
    data: Json
    media: bytes | None = None
    statuses: list[str] = field(default_factory=list)

    @property
    def key(self) -> Json:
        """The WhatsApp key: remoteJid, fromMe, id, ..."""
        key: Json = self.data["key"]
        return key

    @property
    def timestamp(self) -> int:
        """Unix seconds."""
        return int(self.data["messageTimestamp"])

    def record(self) -> Json:
        """Return the row as chat/findMessages shows it."""
        data = self.data
        return {
            "id": self.row_id,
            "key": data["key"],
            "pushName": data.get("pushName"),
            "messageType": data["messageType"],
            "message": data["message"],
            "messageTimestamp": data["messageTimestamp"],
            "instanceId": data["instanceId"],
            "source": data["source"],
            "contextInfo": data.get("contextInfo"),
            "MessageUpdate": [{"status": status} for status in self.statuses],
        }


@dataclass(slots=True)
class Contact:
    """A person or group that Evolution has heard of."""

    row_id: str
    jid: str
    push_name: str | None
    picture: str | None
    created_at: float

    def record(self, instance_id: str) -> Json:
        """Return the row as chat/findContacts shows it."""
        return {
            "id": self.row_id,
            "remoteJid": self.jid,
            "pushName": self.push_name,
            "profilePicUrl": self.picture,
            "createdAt": now_iso(self.created_at),
            "updatedAt": now_iso(self.created_at),
            "instanceId": instance_id,
            "isGroup": self.jid.endswith("@g.us"),
            "isSaved": self.push_name is not None,
            "type": "group" if self.jid.endswith("@g.us") else "contact",
        }


@dataclass(slots=True)
class Chat:
    """A conversation: its messages in the order of arrival."""

    row_id: str
    jid: str
    messages: list[StoredMessage] = field(default_factory=list)
    unread: int = 0
    last_inbound: float = 0.0


class Mailbox:
    """Everything one instance stored, indexed by chat and by message id."""

    def __init__(self) -> None:
        self.contacts: dict[str, Contact] = {}
        self.chats: dict[str, Chat] = {}
        self._by_id: dict[str, StoredMessage] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[StoredMessage]:
        for chat in self.chats.values():
            yield from chat.messages

    def add(self, message: StoredMessage) -> None:
        """Store a message; a repeated id adds a row, as 2.3.7 does, but the first one is found."""
        jid = message.key["remoteJid"]
        chat = self.chats.get(jid)
        if chat is None:
            chat = self.chats[jid] = Chat(f"chat-{message.row_id}", jid)
        chat.messages.append(message)
        self._by_id.setdefault(message.key["id"], message)
        self._count += 1
        if not message.key["fromMe"]:
            chat.unread += 1
            chat.last_inbound = max(chat.last_inbound, float(message.timestamp))

    def get(self, key_id: str) -> StoredMessage | None:
        """Find a message by its WhatsApp id."""
        return self._by_id.get(key_id)

    def in_chat(self, jid: str) -> list[StoredMessage]:
        """Return a chat's messages in the order of arrival."""
        chat = self.chats.get(jid)
        return chat.messages if chat else []
