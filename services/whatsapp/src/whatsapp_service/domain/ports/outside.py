"""What the use cases need of others: the lane, the WhatsApp gateway, the agent service."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from common.contracts import TenantId
from whatsapp_service.domain.model import Integration, Qr, SentMessage
from whatsapp_service.domain.ports.storage import Context


class Lease(Protocol):
    """Our hold on the chat's lane while we work on its head."""

    async def confirm(self, context: Context) -> None:
        """Renew it in this transaction; raises when another worker has the lane."""

    async def finish(self, context: Context) -> None:
        """Take the head off its lane in this transaction; raises likewise."""


class Provider(Protocol):
    """The WhatsApp gateway that holds the numbers (Evolution API)."""

    async def create(self, integration: Integration) -> tuple[str, Qr | None]:
        """Make the instance with our webhook; returns its token and a first QR code.

        Idempotent: an instance that exists already is taken over.
        """

    async def delete(self, integration: Integration) -> None:
        """Remove an instance whose making failed; best effort."""

    async def fetch_qr(self, integration: Integration) -> Qr | None:
        """Ask for a QR code to scan."""

    async def show_typing(self, integration: Integration, jid: str, milliseconds: int) -> None:
        """Show "typing…" for a while; a failure is no reason not to send."""

    async def send_text(self, integration: Integration, jid: str, text: str) -> SentMessage:
        """Send a text.

        Raises:
            OutcomeUnknown: it may or may not have been sent.
            Transient: it was not sent, try later.
            Permanent: it will never be sent.
        """

    async def find_sent(
        self, integration: Integration, jids: Sequence[str], *, text: str, since: datetime
    ) -> list[SentMessage]:
        """List what was sent to any of these JIDs with these words since then, oldest first."""


class Agents(Protocol):
    """The agent service, as far as we need it."""

    async def exists(self, tenant: TenantId, agent_id: str) -> bool:
        """Say whether the tenant has this agent."""
