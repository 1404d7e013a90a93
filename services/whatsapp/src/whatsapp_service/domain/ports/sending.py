"""What the sender needs of the outside: the provider's sending half, and files to send."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from common.contracts import Content, MessageId, TenantId
from whatsapp_service.domain.model import Message, SentMessage, Transport
from whatsapp_service.domain.ports.outbound import PartSent
from whatsapp_service.domain.ports.outside import Lease


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """A file as the provider takes it."""

    mimetype: str
    name: str
    content: bytes | None = None
    url: str | None = None
    """Where the provider fetches it itself, when we do not have it."""


@dataclass(frozen=True, slots=True)
class MessageRef:
    """A message as the provider names it."""

    remote_jid: str
    message_id: MessageId
    from_me: bool
    participant: str | None = None
    """Who wrote it, as their group spells them: in a group no phone finds it without."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message on its way to one chat."""

    instance: str
    jid: str
    content: Message
    file: LoadedFile | None = None
    target: MessageRef | None = None
    """What a reaction is on."""
    transport: Transport = Transport.BAILEYS


class Messenger(Protocol):
    """The provider's half that sends; the only way out."""

    async def send(self, parcel: Parcel) -> SentMessage:
        """Send one message.

        Raises:
            OutcomeUnknown: it may or may not have been sent.
            Transient: it was not sent, try later.
            Permanent: it will never be sent.
        """

    async def find_sent(
        self, instance: str, jids: Sequence[str], *, content: Content, since: datetime
    ) -> list[SentMessage]:
        """List what was sent to any of these JIDs with this content since then, oldest first."""

    async def show_typing(self, instance: str, jid: str, milliseconds: int) -> None:
        """Show "typing…" for a while; a failure is no reason not to send."""

    async def edit(self, instance: str, target: MessageRef, text: str) -> None:
        """Change the words of a message; raises as `send` does, and may be repeated."""

    async def delete(self, instance: str, target: MessageRef) -> None:
        """Delete a message for everyone; raises as `send` does, and may be repeated."""

    async def mark_read(self, instance: str, targets: Sequence[MessageRef]) -> None:
        """Show that messages were read; raises as `send` does, and may be repeated."""


class Records(Protocol):
    """Where it is written down that parts are out."""

    async def part_sent(self, part: PartSent, lease: Lease) -> None:
        """Write it down, publish it, and take the command off its lane, in one transaction.

        While parts are left, the lane is kept instead. Raises as the lease does when another
        worker has the lane: then nothing was written.
        """


class OpensFiles(Protocol):
    """Where the files to be sent are."""

    def opened(
        self, tenant: TenantId, content: Content
    ) -> AbstractAsyncContextManager[LoadedFile | None]:
        """Hold the file of a content in memory while it is sent; None when it has none.

        Raises:
            Permanent: it is not there, not the tenant's, too large, or of another type.
            Transient: the store is away.
        """
