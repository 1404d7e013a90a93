"""What happens to a WhatsApp number itself: its connection, its contacts, its calls."""

from enum import StrEnum
from typing import ClassVar

from pydantic import AwareDatetime

from common.contracts.event import Event
from common.contracts.ids import AgentId, IntegrationId
from common.contracts.topics import Topic


class ConnectionState(StrEnum):
    """Where a WhatsApp number stands, in an operator's words."""

    CONNECTING = "connecting"
    QR = "qr"
    OPEN = "open"
    DEGRADED = "degraded"
    CLOSED = "closed"
    NEEDS_SCAN = "needs_scan"
    REFUSED = "refused"
    DELETED = "deleted"


class _OnConnections(Event):
    """Shared by all events on `whatsapp.connections.v1`."""

    topic: ClassVar[Topic] = Topic.WHATSAPP_CONNECTIONS
    key: ClassVar[str] = "integration_id"

    integration_id: IntegrationId


class ConnectionChanged(_OnConnections):
    """A WhatsApp number moved to another state."""

    type: ClassVar[str] = "whatsapp.connection.changed"

    state: ConnectionState
    previous: ConnectionState | None = None
    reason: str | None = None
    phone: str | None = None
    profile_name: str | None = None
    agent_id: AgentId | None = None


class QrCodeRefreshed(_OnConnections):
    """A new QR code (and perhaps a pairing code) waits to be scanned; the code is not in here."""

    type: ClassVar[str] = "whatsapp.qrcode.refreshed"

    pairing_code: str | None = None
    count: int | None = None


class ContactUpdated(_OnConnections):
    """WhatsApp told us a contact's name or picture."""

    type: ClassVar[str] = "whatsapp.contact.updated"

    phone: str | None = None
    lid: str | None = None
    name: str | None = None
    picture_url: str | None = None


class GroupUpdated(_OnConnections):
    """A group appeared, changed its name, or people came and went."""

    type: ClassVar[str] = "whatsapp.group.updated"

    group_id: str
    name: str | None = None
    action: str | None = None
    participants: tuple[str, ...] = ()


class CallReceived(_OnConnections):
    """Someone called the number."""

    type: ClassVar[str] = "whatsapp.call.received"

    call_id: str
    phone: str | None = None
    lid: str | None = None
    status: str
    video: bool = False
    called_at: AwareDatetime | None = None
