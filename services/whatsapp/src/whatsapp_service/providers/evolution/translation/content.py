"""What a message says, whatever kind of message it is."""

from collections.abc import Callable
from typing import Any, NamedTuple

from common.contracts import ContactCard, Location, Media, MessageKind, ReplyTo


class Content(NamedTuple):
    """What a message says."""

    kind: MessageKind
    text: str = ""
    choice_id: str | None = None
    options: tuple[str, ...] = ()
    media: Media | None = None
    location: Location | None = None
    contacts: tuple[ContactCard, ...] = ()
    target: ReplyTo | None = None
    """The message that it reacts to or votes on; a quoted one is found elsewhere."""
    unsupported: str | None = None


Reader = Callable[[dict[str, Any], dict[str, Any]], Content]
"""Reads a content, and what stands beside it in the message."""


def unsupported(reason: str, text: str = "") -> Content:
    """A content that we cannot read, with the words that we could find in it."""
    return Content(MessageKind.UNSUPPORTED, text, unsupported=reason)
