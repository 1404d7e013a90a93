"""What others may ask of the one WhatsApp sender."""

from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from common.contracts.event import Event, Fact
from common.contracts.ids import ChatId, CommandId, IntegrationId
from common.contracts.topics import Topic


class Text(Fact):
    """Plain words."""

    kind: Literal["text"] = "text"
    text: str = Field(min_length=1, max_length=65_536)


class SendMessage(Event):
    """Send one message in a chat; the same `command_id` twice sends once."""

    type: ClassVar[str] = "whatsapp.message.send"
    topic: ClassVar[Topic] = Topic.WHATSAPP_COMMANDS
    key: ClassVar[str] = "chat_id"

    command_id: CommandId
    chat_id: ChatId
    integration_id: IntegrationId
    content: Text
    typing_ms: int = Field(default=0, ge=0, le=60_000)
    priority: Literal["reply", "broadcast"] = "reply"
    not_before: AwareDatetime | None = None
    expires_at: AwareDatetime | None = None


class CancelMessages(Event):
    """Take back what waits in a chat's lane: all of it, or the named commands."""

    type: ClassVar[str] = "whatsapp.messages.cancel"
    topic: ClassVar[Topic] = Topic.WHATSAPP_COMMANDS
    key: ClassVar[str] = "chat_id"

    chat_id: ChatId
    integration_id: IntegrationId
    command_ids: tuple[CommandId, ...] = ()
    reason: str = ""
