"""Every SQL statement of the whatsapp service."""

from whatsapp_service.repository.chats import PostgresChats
from whatsapp_service.repository.integrations import PostgresIntegrations
from whatsapp_service.repository.messages import PostgresMessages
from whatsapp_service.repository.outbound import SENDS, PostgresOutbound
from whatsapp_service.repository.reads import PostgresReads

__all__ = [
    "SENDS",
    "PostgresChats",
    "PostgresIntegrations",
    "PostgresMessages",
    "PostgresOutbound",
    "PostgresReads",
]
