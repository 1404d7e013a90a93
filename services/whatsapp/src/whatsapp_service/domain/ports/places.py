"""Places among the messages of a chat."""

from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

EARLIEST = datetime.min.replace(tzinfo=UTC)


class MessagePlace(NamedTuple):
    """A place among a chat's messages: WhatsApp tells whole seconds, so a time names no one."""

    at: datetime
    stored_at: datetime
    """When we heard of it; of what was never sent, when it was asked for."""
    id: str
    """WhatsApp's, or the command's."""

    @classmethod
    def before(cls, at: datetime) -> Self:
        """Give the place behind all that is not older than this."""
        return cls(at, EARLIEST, "")

    @classmethod
    def of(cls, message: dict[str, Any]) -> Self:
        """Give the place behind a message, as it is shown."""
        at, id_ = message["at"], message["message_id"] or message["command_id"]
        return cls(at, message.get("stored_at", at), id_)
