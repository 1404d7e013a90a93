"""What happens on WhatsApp: messages in and out."""

from enum import StrEnum
from typing import ClassVar

from pydantic import AwareDatetime

from common.contracts.event import Event, Fact
from common.contracts.ids import AgentId, ChatId, CommandId, IntegrationId, MessageId
from common.contracts.topics import Topic


class MessageKind(StrEnum):
    """What a message is made of."""

    TEXT = "text"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    VOICE = "voice"
    DOCUMENT = "document"
    STICKER = "sticker"
    LOCATION = "location"
    LIVE_LOCATION = "live_location"
    CONTACT = "contact"
    REACTION = "reaction"
    BUTTON_REPLY = "button_reply"
    LIST_REPLY = "list_reply"
    POLL = "poll"
    POLL_VOTE = "poll_vote"
    SYSTEM = "system"
    UNSUPPORTED = "unsupported"


class DeliveryStatus(StrEnum):
    """How far a message we sent has come."""

    PENDING = "pending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    PLAYED = "played"
    FAILED = "failed"


class Sender(Fact):
    """Who wrote: by phone (E.164), by LID where WhatsApp hides the phone, or both."""

    phone: str | None = None
    lid: str | None = None
    name: str | None = None


class Media(Fact):
    """A file in a message: what it is, and where to get it."""

    mimetype: str | None = None
    size: int | None = None
    """Bytes."""
    file_name: str | None = None
    seconds: int | None = None
    reference: str | None = None
    """Where the file is kept; None until it has been fetched."""


class Location(Fact):
    """A point on the map, in degrees."""

    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None


class ContactCard(Fact):
    """A contact somebody shared."""

    name: str | None = None
    phones: tuple[str, ...] = ()
    vcard: str | None = None


class ReplyTo(Fact):
    """The message that this one answers or reacts to."""

    message_id: MessageId
    text: str | None = None
    sender: str | None = None


class Group(Fact):
    """The group a message was written in."""

    id: str
    name: str | None = None


class Referral(Fact):
    """The click-to-WhatsApp advertisement that started the chat."""

    source_id: str | None = None
    source_url: str | None = None
    source_type: str | None = None
    title: str | None = None
    body: str | None = None
    click_id: str | None = None
    entry_point: str | None = None
    """How the chat was entered, in Meta's word (`ctwa_ad`)."""


class _OnMessages(Event):
    """Shared by all events on `whatsapp.messages.v1`."""

    topic: ClassVar[Topic] = Topic.WHATSAPP_MESSAGES
    key: ClassVar[str] = "chat_id"

    message_id: MessageId
    chat_id: ChatId
    integration_id: IntegrationId


class MessageReceived(_OnMessages):
    """Someone wrote to one of our WhatsApp numbers, or its owner wrote from the phone."""

    type: ClassVar[str] = "whatsapp.message.received"

    kind: MessageKind
    text: str = ""
    choice_id: str | None = None
    options: tuple[str, ...] = ()
    """What can be chosen in a poll or a menu; in a vote, what was."""
    media: Media | None = None
    location: Location | None = None
    contacts: tuple[ContactCard, ...] = ()
    reply_to: ReplyTo | None = None
    mentions: tuple[str, ...] = ()
    group: Group | None = None
    sender: Sender
    contact: Sender | None = None
    """Whom the owner wrote to from the phone; None in groups, and when somebody wrote to us."""
    from_me: bool = False
    referral: Referral | None = None
    sent_at: AwareDatetime
    stale: bool = False
    """Arrived long after it was written: stored, never answered by a bot."""
    agent_id: AgentId | None = None
    """The agent bound to the number when the message came."""
    opted_out: bool = False
    """Its chat wants nothing more, by this word or an earlier one: an answer would not be sent."""


class MediaStored(_OnMessages):
    """The file of a message is there to be read; or there will be none, and why.

    It follows the message, seconds later as a rule. A voice note's words are in the file only: who
    answers a message with media waits for this.
    """

    type: ClassVar[str] = "whatsapp.media.stored"

    kind: MessageKind
    media: Media
    """With its `reference`; without one when there is a `failure`."""
    failure: str | None = None
    """Why there is no file, in words for an operator."""


class MessageSent(_OnMessages):
    """WhatsApp took a message of ours."""

    type: ClassVar[str] = "whatsapp.message.sent"

    command_id: CommandId | None = None
    kind: MessageKind = MessageKind.TEXT
    text: str = ""
    """What a reader sees in words: a text, a caption, an emoji, the name of a place or contact."""
    part: int | None = None
    """Which part this is of a text that was too long for one message; None when it is whole."""
    parts: int | None = None
    """How many parts there are; with the last of them the command is done."""
    sent_at: AwareDatetime


class MessageDeliveryUpdated(_OnMessages):
    """A message of ours came further: delivered, read, played, or refused."""

    type: ClassVar[str] = "whatsapp.message.delivery_updated"

    status: DeliveryStatus
    command_id: CommandId | None = None
    at: AwareDatetime | None = None
    reason: str | None = None


class MessageEdited(_OnMessages):
    """The words of a message changed after it was written."""

    type: ClassVar[str] = "whatsapp.message.edited"

    text: str
    from_me: bool = False
    command_id: CommandId | None = None
    """The command that asked for it, if one did."""
    edited_at: AwareDatetime | None = None


class MessageDeleted(_OnMessages):
    """A message was deleted for everyone."""

    type: ClassVar[str] = "whatsapp.message.deleted"

    from_me: bool = False
    command_id: CommandId | None = None
    """The command that asked for it, if one did."""
    deleted_at: AwareDatetime | None = None


class MessageFailed(Event):
    """A command will not be carried out; the reason is one an operator understands.

    `code` is one of: `not_on_whatsapp`, `refused` (by WhatsApp or Evolution), `expired`,
    `cancelled`, `opted_out`, `number_deleted`, `unknown_message` (what it edits, deletes or
    reacts to), `not_found`, `forbidden`, `too_large`, `unsupported_media_type` and `invalid_input`
    (its file or its contents), `parked` (an operator gave it up), and `outcome_unknown`: nobody
    could find out whether it was sent. It may be on somebody's phone, and is never sent again;
    look at the chat before repeating it.
    """

    type: ClassVar[str] = "whatsapp.message.failed"
    topic: ClassVar[Topic] = Topic.WHATSAPP_MESSAGES
    key: ClassVar[str] = "chat_id"

    command_id: CommandId
    chat_id: ChatId
    integration_id: IntegrationId
    code: str
    reason: str
