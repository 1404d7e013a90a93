"""What the use cases need of the server that holds the numbers (Evolution API)."""

from datetime import datetime
from typing import Any, NamedTuple, Protocol

from common.contracts import DeliveryStatus, MessageId
from common.errors import NeedsOperator
from whatsapp_service.domain.model import Integration, Qr, Sighting


class InstanceGone(NeedsOperator):
    """The provider does not know the number: it was removed there."""

    code = "instance_gone"


class Made(NamedTuple):
    """An instance at the provider."""

    token: str
    qr: Qr | None = None
    is_open: bool = False
    """Connected already, as one that is taken over may be."""


class Listed(NamedTuple):
    """A message that the provider has."""

    message_id: MessageId
    from_me: bool
    status: DeliveryStatus | None
    """How far one of ours came; None when nothing was told."""
    body: dict[str, Any]
    """The webhook that should have brought it."""
    level_body: dict[str, Any] | None
    """The webhook that should have told its status."""


class Page(NamedTuple):
    """A page of a list, the newest first."""

    messages: list[Listed]
    more: bool


class Numbers(Protocol):
    """Makes, connects and removes numbers.

    Every call may raise: InstanceGone, when the provider does not know the number; NeedsOperator,
    when only a person can help (a key, a licence); Transient, when it is away.
    """

    async def create(self, integration: Integration, *, token: str | None = None) -> Made:
        """Make the instance with our webhook; one that exists already is taken over."""

    async def adopt(self, integration: Integration) -> Made:
        """Take over an instance whose making was cut off."""

    async def discard(self, instance: str) -> bool:
        """Remove what a failed making left; False while the provider may have it."""

    async def remove(self, integration: Integration) -> bool:
        """Do what removes an instance; False while the provider still has it."""

    async def state(self, integration: Integration) -> Sighting:
        """Ask how the number stands."""

    async def fetch_qr(self, integration: Integration, *, phone: str | None = None) -> Qr | None:
        """Start connecting and ask for a code to scan, or with `phone` to type; None if not yet."""

    async def restart(self, integration: Integration) -> bool:
        """Connect anew without a scan; False when the number has to be scanned."""

    async def log_out(self, integration: Integration) -> None:
        """Unlink the number from its phone; nothing happens when it is unlinked."""

    async def set_webhook(self, integration: Integration) -> None:
        """Let the provider call the address of the integration's generation from now on."""


class Archive(Protocol):
    """What the provider keeps of a number; raises as `Numbers` does."""

    async def list_messages(
        self, integration: Integration, *, since: datetime, page: int, size: int
    ) -> Page:
        """List what was written since then, the newest first."""
