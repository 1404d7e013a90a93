"""What the use cases need from the outside, and the context that carries it."""

from whatsapp_service.domain.ports.outside import Agents, Lease, Provider
from whatsapp_service.domain.ports.storage import (
    Chats,
    Clock,
    Context,
    Delivered,
    Inbox,
    Integrations,
    KnownMessage,
    MessageKey,
    Messages,
    Opener,
    OpenForTenant,
    Outbounds,
    Outbox,
    SeenChat,
    StoredMessage,
    Translate,
)

__all__ = [
    "Agents",
    "Chats",
    "Clock",
    "Context",
    "Delivered",
    "Inbox",
    "Integrations",
    "KnownMessage",
    "Lease",
    "MessageKey",
    "Messages",
    "OpenForTenant",
    "Opener",
    "Outbounds",
    "Outbox",
    "Provider",
    "SeenChat",
    "StoredMessage",
    "Translate",
]
