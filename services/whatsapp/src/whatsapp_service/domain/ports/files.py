"""What keeping the files of messages needs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from common.contracts import ChatId, IntegrationId, Media, MessageId, TenantId
from whatsapp_service.domain.model.media import FileFacts, FileState


@dataclass(frozen=True, slots=True)
class WantedFile:
    """The file of a message that came in."""

    integration_id: IntegrationId
    message_id: MessageId
    tenant: TenantId
    kind: str
    media: Media
    inline: str | None = None
    """The content in base64, when the webhook brought it."""
    parked: str | None = None
    """Where the webhook's whole body is kept, when it was too large to travel."""


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file, its message, and where it stands."""

    integration_id: IntegrationId
    message_id: MessageId
    tenant: TenantId
    chat_id: ChatId
    state: FileState
    kind: str
    media: Media
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of a file."""

    state: FileState
    facts: FileFacts | None = None
    reason: str | None = None


class Files(Protocol):
    """The files of messages: which are wanted, and what became of them."""

    async def want(self, files: Sequence[WantedFile]) -> None:
        """Note files and have them fetched, each once."""

    async def get(self, integration_id: IntegrationId, message_id: MessageId) -> KnownFile | None:
        """Find one, with the chat that its message is in by now."""

    async def discard(self, tenant: TenantId, chat: ChatId, *, keep: Collection[str]) -> None:
        """Forget a chat's files, and have those deleted that are not to be kept."""

    async def in_use(self, reference: str) -> bool:
        """Whether another message has the file, or one that is to be sent."""

    async def end(self, file: KnownFile, ending: Ending) -> None:
        """Note what became of it."""

    async def old(self, before: datetime, limit: int) -> list[str]:
        """Name where files are kept that were stored before, the oldest first."""

    async def expire(self, references: Sequence[str], *, before: datetime, reason: str) -> int:
        """Note that what was kept there is gone; returns of how many messages, all from before."""


class KeepsFiles(Protocol):
    """The object store."""

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        """Store bytes whole or not at all."""

    async def get(self, key: str) -> bytes:
        """Read bytes.

        Raises:
            NotFound: there are none.
        """

    async def delete(self, key: str) -> None:
        """Delete bytes; none there is fine."""

    async def exists(self, key: str) -> bool:
        """Tell whether something is stored there."""


class FindsFiles(Protocol):
    """Where files come from when no webhook brought them."""

    async def fetch_file(self, instance: str, message_id: MessageId, *, max_bytes: int) -> bytes:
        """Download the file of a message.

        Raises:
            Transient: not now.
            Refused: the provider has no such file, or not yet; or it is too large.
        """

    async def file_of(self, body: bytes, message_id: MessageId) -> str | None:
        """Find a message's file, in base64, in a webhook's body."""
