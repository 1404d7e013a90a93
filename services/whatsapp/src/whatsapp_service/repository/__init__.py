"""Every SQL statement of the whatsapp service."""

from whatsapp_service.repository.care import CARE, PostgresCare
from whatsapp_service.repository.chats import PostgresChats
from whatsapp_service.repository.files import MEDIA, PostgresFiles, forget_lane
from whatsapp_service.repository.integrations import CHANGED, PostgresIntegrations
from whatsapp_service.repository.messages import PostgresMessages
from whatsapp_service.repository.opt_outs import PostgresOptOuts
from whatsapp_service.repository.outbound import BROADCASTS, SENDS, PostgresOutbound
from whatsapp_service.repository.pacing import PostgresPaces
from whatsapp_service.repository.reads import PostgresReads
from whatsapp_service.repository.sendings import Beginning, PostgresSendings

__all__ = [
    "BROADCASTS",
    "CARE",
    "CHANGED",
    "MEDIA",
    "SENDS",
    "Beginning",
    "PostgresCare",
    "PostgresChats",
    "PostgresFiles",
    "PostgresIntegrations",
    "PostgresMessages",
    "PostgresOptOuts",
    "PostgresOutbound",
    "PostgresPaces",
    "PostgresReads",
    "PostgresSendings",
    "forget_lane",
]
