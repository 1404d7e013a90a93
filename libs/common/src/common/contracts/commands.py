"""What others may ask of the one WhatsApp sender."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from common.contracts.event import Event, Fact
from common.contracts.ids import ChatId, CommandId, IntegrationId, MessageId
from common.contracts.topics import Topic
from common.contracts.whatsapp import ContactCard, Location

OPT_OUT_WORDS = ("stop", "unsubscribe", "sair", "parar", "descadastrar", "baja")
"""After one of these, alone, the sender sends a customer nothing, unless their tenant has others.

What begins with `#` is none of them: it is said to a bot.
"""


class Text(Fact):
    """Plain words; what is longer than WhatsApp allows goes as several messages."""

    kind: Literal["text"] = "text"
    text: str = Field(min_length=1, max_length=65_536)
    reply_to: MessageId | None = None


class File(Fact):
    """Where the bytes of a message come from: our object store, or an address in the open."""

    reference: str | None = None
    """A key in the object store, under the tenant's own prefix (`media/<tenant>/…`)."""
    url: str | None = Field(default=None, pattern="^https?://", max_length=2_048)
    mimetype: str | None = None
    name: str | None = Field(default=None, max_length=255)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.reference is None) == (self.url is None):
            message = "a file has either a reference or a url"
            raise ValueError(message)
        return self


class MediaMessage(Fact):
    """A file; audio as `voice` is heard as a voice note."""

    kind: Literal["image", "video", "document", "audio", "voice"]
    file: File
    caption: str = Field(default="", max_length=1_024)
    reply_to: MessageId | None = None


class LocationMessage(Fact):
    """A point on the map."""

    kind: Literal["location"] = "location"
    location: Location


class ContactsMessage(Fact):
    """Contacts to be saved by who reads them."""

    kind: Literal["contact"] = "contact"
    contacts: tuple[ContactCard, ...] = Field(min_length=1, max_length=20)


class ReactionMessage(Fact):
    """An emoji on a message of the chat; an empty one takes the reaction back."""

    kind: Literal["reaction"] = "reaction"
    to: MessageId
    emoji: str = Field(default="", max_length=16)


class Choice(Fact):
    """One thing a reader may choose; `id` comes back as `choice_id`."""

    id: str = Field(min_length=1, max_length=256)
    title: str = Field(min_length=1, max_length=24)
    description: str = Field(default="", max_length=72)


class ChoicesMessage(Fact):
    """Up to three buttons, or a list; as numbered plain text where neither can be shown."""

    kind: Literal["buttons", "list"]
    text: str = Field(min_length=1, max_length=1_024)
    title: str = Field(default="", max_length=60)
    footer: str = Field(default="", max_length=60)
    button: str = Field(default="", max_length=20)
    """What opens a list."""
    choices: tuple[Choice, ...] = Field(min_length=1, max_length=10)


class EditMessage(Fact):
    """Other words for a message that we sent."""

    kind: Literal["edit"] = "edit"
    message_id: MessageId
    text: str = Field(min_length=1, max_length=4_096)


class DeleteMessage(Fact):
    """Take back a message that we sent, for everyone."""

    kind: Literal["delete"] = "delete"
    message_id: MessageId


class MarkRead(Fact):
    """Show the customer that their messages were read."""

    kind: Literal["read"] = "read"
    message_ids: tuple[MessageId, ...] = Field(min_length=1, max_length=100)


class Typing(Fact):
    """Show that somebody types, for the command's `typing_ms`."""

    kind: Literal["typing"] = "typing"


Content = Annotated[
    Text
    | MediaMessage
    | LocationMessage
    | ContactsMessage
    | ReactionMessage
    | ChoicesMessage
    | EditMessage
    | DeleteMessage
    | MarkRead
    | Typing,
    Field(discriminator="kind"),
]
"""All that a `SendMessage` can carry."""


class SendMessage(Event):
    """Do one thing in a chat, mostly send a message; the same `command_id` twice does it once.

    It is answered on `whatsapp.messages.v1`, by `command_id`: a message by `MessageSent` (one for
    each part of a text that was too long for one), an edit by `MessageEdited`, a deletion by
    `MessageDeleted`, reading and typing by nothing, and any of them by `MessageFailed` when it
    will not be done. Asked again with the same `command_id`, nothing is done again; when the first
    time has ended, its answer is published once more.

    Replies of a chat keep their order, and so do its broadcasts; a reply never waits for a
    broadcast.
    """

    type: ClassVar[str] = "whatsapp.message.send"
    topic: ClassVar[Topic] = Topic.WHATSAPP_COMMANDS
    key: ClassVar[str] = "chat_id"

    command_id: CommandId
    chat_id: ChatId
    integration_id: IntegrationId
    content: Content
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


class ForgetChat(Event):
    """Delete what was said in a chat, both ways, and its files; what still waits is taken back.

    The chat itself stays, and who writes in it again is answered; where it is known to the
    provider, that copy is not ours to delete.
    """

    type: ClassVar[str] = "whatsapp.chat.forget"
    topic: ClassVar[Topic] = Topic.WHATSAPP_COMMANDS
    key: ClassVar[str] = "chat_id"

    chat_id: ChatId
    integration_id: IntegrationId
    keep_files: tuple[str, ...] = ()
    """References of files that stay although they were sent here: those of the tenant's library."""
