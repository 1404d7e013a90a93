"""Names for the ids that travel: prefixed, sortable by time of birth, or derived from a cause."""

import hashlib
import os
import time
import uuid
from collections import deque
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

_NAMESPACE = uuid.UUID("6f0d7a52-52e6-5c0e-9d57-9a1f2f7d5c11").bytes
_RANDOM = 10
_AT_ONCE = 100
_endings: deque[str] = deque()
os.register_at_fork(after_in_child=_endings.clear)


def uuid7() -> str:
    """Make a UUIDv7 (RFC 9562) as 32 hex digits: ordered by time, so kind to an index."""
    try:
        ending = _endings.popleft()
    except IndexError:
        _endings.extend(_new_endings())
        ending = _endings.popleft()
    return f"{time.time_ns() // 1_000_000:012x}{ending}"


def _new_endings() -> list[str]:
    """Make the random parts of many ids: asking the kernel for each costs more than all else."""
    drawn = os.urandom(_RANDOM * _AT_ONCE).hex()
    digits = 2 * _RANDOM
    each = (drawn[start : start + digits] for start in range(0, len(drawn), digits))
    return [f"7{one[:3]}{'89ab'[int(one[3], 16) % 4]}{one[4:19]}" for one in each]


def new_id(prefix: str) -> str:
    """Make a fresh id such as `agt_0199…`."""
    return f"{prefix}_{uuid7()}"


def derived_id(prefix: str, *cause: str) -> str:
    """Make the one id that follows from its cause: the same cause gives the same id for ever.

    A UUIDv5 (RFC 9562), as `uuid.uuid5` makes it at three times the price.
    """
    named = _NAMESPACE + "\x1f".join(cause).encode()
    digits = hashlib.sha1(named, usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{prefix}_{digits[:12]}5{digits[13:16]}{variant}{digits[17:32]}"
