"""What sending keeps: commands on their way, opt-outs, and how tenants want to send."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple, Protocol, Self

from common.contracts import (
    CancelMessages,
    ChatId,
    CommandId,
    ConnectionState,
    DeliveryStatus,
    Envelope,
    IntegrationId,
    MessageId,
    MessageSent,
    SendMessage,
    TenantId,
)
from common.places import Place
from whatsapp_service.domain.model import (
    Outbound,
    OutboundState,
    SendingSettings,
    SentMessage,
    Transport,
)


@dataclass(frozen=True, slots=True)
class Sending:
    """Something to be sent, and all that must be known to send it."""

    outbound: Outbound
    instance: str | None
    """The provider's name of the number; None when an operator removed it."""
    state: ConnectionState
    jids: tuple[str, ...]
    """The addresses of the chat, the one to send to first."""
    opted_out: bool
    settings: SendingSettings
    transport: Transport = Transport.BAILEYS
    begun_at: datetime | None = None
    """When the call that comes next was noted; None while it is not."""

    def after(self, outbound: Outbound) -> Self:
        """Give the same for what became of it; the next call is not noted yet."""
        return replace(self, outbound=outbound, begun_at=None)


class Accepted(NamedTuple):
    """What became of commands that were handed in."""

    new: set[CommandId]
    refused: list[Outbound]
    """New ones that failed at once: their chat opted out."""
    known: list[Outbound]
    """Those that were handed in before, as they stand."""


class Target(NamedTuple):
    """A message that a command is about."""

    outgoing: bool
    remote_jid: str | None
    """The address it was really sent to, when we sent it."""
    participant: str | None = None
    """Who wrote it, when somebody else did in a group."""


class PartSent(NamedTuple):
    """A part that is out."""

    after: Outbound
    """The command as it stands now, with the part among those sent."""
    sent: SentMessage
    event: MessageSent
    content: bytes
    """The event as JSON."""
    next_at: datetime | None = None
    """When the call for the next part begins, if nothing must precede it."""


class OptOut(NamedTuple):
    """A chat whose customer wants nothing more."""

    tenant: TenantId
    integration_id: IntegrationId
    chat_id: ChatId
    message_id: MessageId
    word: str
    at: datetime


class Outbounds(Protocol):
    """What we were asked to send."""

    async def accept(
        self, commands: Sequence[Envelope[SendMessage]], *, exempt: bool = False
    ) -> Accepted:
        """Note commands and queue them in their chats' lanes, replies apart from broadcasts."""

    async def get(self, command_id: CommandId) -> Outbound | None:
        """Find one."""

    async def in_flight(self, chats: Sequence[ChatId]) -> list[Outbound]:
        """Find those whose call has begun and not ended, in these chats."""

    async def end(
        self,
        command_id: CommandId,
        state: OutboundState,
        *,
        code: str | None = None,
        reason: str | None = None,
        at: datetime | None = None,
    ) -> None:
        """Note how it ended, or that nobody knows."""

    async def parts_sent(self, done: Sequence[PartSent]) -> dict[CommandId, DeliveryStatus]:
        """Keep parts that are out, and note calls for next ones that begin with it.

        Gives how far messages had come before we knew of them, where somebody told.
        """

    async def echo_of(self, outbound: Outbound) -> SentMessage | None:
        """Find a stored outgoing message that is this command's next part, told by webhook."""

    async def unclaimed(
        self, outbound: Outbound, sent: Sequence[SentMessage]
    ) -> SentMessage | None:
        """Pick the oldest of these that no other command, and no earlier part, has claimed."""

    async def targets(
        self, outbound: Outbound, message_ids: Sequence[MessageId]
    ) -> dict[MessageId, Target]:
        """Find messages of the chat by their ids."""

    async def cancel(
        self, tenant: TenantId, command: CancelMessages, *, reason: str, code: str = "cancelled"
    ) -> list[CommandId]:
        """Take back what still waits (all of the chat when none is named)."""


class Sendings(Protocol):
    """What is read and noted before a call, each in one statement that is a transaction."""

    async def get(self, command_id: CommandId) -> Sending | None:
        """Find a command, with all that must be known to send it."""

    async def begin(self, outbound: Outbound, at: datetime) -> bool:
        """Note that a call begins; False when it is no longer as it was read.

        Two workers may believe that a lane is theirs; only one of them can begin.
        """


class OptOuts(Protocol):
    """Chats whose customers want nothing more, and how tenants want to send."""

    async def settings(self, tenants: Sequence[TenantId]) -> dict[TenantId, SendingSettings]:
        """Give what tenants have set; those that have set nothing are absent."""

    async def save(self, tenant: TenantId, settings: SendingSettings) -> None:
        """Keep what a tenant has set."""

    async def words(self) -> frozenset[str]:
        """Give every word that means something to some tenant."""

    async def add(self, opt_out: OptOut) -> bool:
        """Note that a customer wants nothing more; False when it is known."""

    async def all(self, *, after: Place, limit: int) -> list[OptOut]:
        """List opt-outs that this transaction may see from a place on, the newest first."""

    async def remove(self, chat_id: ChatId) -> bool:
        """Note that they want to hear from us again; False when they always did."""
