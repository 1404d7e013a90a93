"""Names for the ids that travel: prefixed, sortable by time of birth, or derived from a cause."""

import os
import time
import uuid
from typing import NewType

TenantId = NewType("TenantId", str)
AgentId = NewType("AgentId", str)
IntegrationId = NewType("IntegrationId", str)
ChatId = NewType("ChatId", str)
ContactId = NewType("ContactId", str)
ConversationId = NewType("ConversationId", str)
MessageId = NewType("MessageId", str)
"""The id WhatsApp gave the message (`key.id`, `wamid…`): unique within one integration."""
CommandId = NewType("CommandId", str)
RunId = NewType("RunId", str)
EventId = NewType("EventId", str)

_NAMESPACE = uuid.UUID("6f0d7a52-52e6-5c0e-9d57-9a1f2f7d5c11")
_RANDOM = 10


def uuid7() -> str:
    """Make a UUIDv7 (RFC 9562) as 32 hex digits: ordered by time, so kind to an index."""
    raw = bytearray((time.time_ns() // 1_000_000).to_bytes(6, "big") + os.urandom(_RANDOM))
    raw[6] = (raw[6] & 0x0F) | 0x70
    raw[8] = (raw[8] & 0x3F) | 0x80
    return raw.hex()


def new_id(prefix: str) -> str:
    """Make a fresh id such as `agt_0199…`."""
    return f"{prefix}_{uuid7()}"


def derived_id(prefix: str, *cause: str) -> str:
    """Make the one id that follows from its cause: the same cause gives the same id for ever."""
    return f"{prefix}_{uuid.uuid5(_NAMESPACE, chr(31).join(cause)).hex}"
