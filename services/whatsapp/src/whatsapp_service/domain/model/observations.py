"""What a webhook says, before we know which of our chats it is about."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from common.contracts import Event
from whatsapp_service.domain.model.chats import ChatAddress
from whatsapp_service.domain.model.numbers import Qr

STALE_AFTER = timedelta(minutes=10)
"""A message older than this when it reaches us is stored, and never answered by a bot."""


class Observation(NamedTuple):
    """One thing a webhook says, before we know which of our chats it is about."""

    event: Event
    """With the chat id that a new chat would get; replaced once the chat is known."""
    chat: ChatAddress | None = None
    """None when the event is about the number, or names a message only by its id."""
    echo: bool = False
    """The provider repeats a message that was sent through its API, perhaps by us."""
    typed: bool = False
    """Written on a telephone, and so certainly not sent through the provider's API."""
    unsupported: str | None = None
    """Why the content could not be read, when it could not."""
    qr: Qr | None = None
    """The code itself, which is no part of any event."""
    file: str | None = None
    """The message's file in base64, when the webhook carries it; no part of any event."""
    participant: str | None = None
    """Who wrote, spelled as their group spells them; None elsewhere, and no part of any event."""
    told_at: datetime | None = None
    """When the provider said so, by its own clock: fit to be compared with itself, only."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """A webhook, or a part of one, that is deliberately no event."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A webhook of a kind we have never heard of: kept in the dead letters, with the reason."""

    reason: str
