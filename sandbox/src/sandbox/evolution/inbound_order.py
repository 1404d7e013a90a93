"""What the control door may order a customer, or the owner on the phone, to write."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, NonNegativeInt, model_validator

from sandbox.strict import Strict

InboundKind = Literal[
    "text",
    "link",
    "image",
    "video",
    "sticker",
    "audio",
    "voice",
    "document",
    "location",
    "live_location",
    "contact",
    "reaction",
    "button_reply",
    "template_reply",
    "list_reply",
    "interactive_reply",
    "poll",
    "poll_vote",
    "raw",
]


class Person(Strict):
    """A contact card's content."""

    name: str
    phone: str


class InboundOrder(Strict):
    """One message from the WhatsApp side.

    Attributes:
        sender: the customer's phone (``from`` in JSON); may be absent when `lid` is given.
        text: the text; a caption, a chosen title, an emoji or a poll's question for other kinds.
        name: pushName; null leaves it null.
        message_id: the WhatsApp id; made up when absent.
        group: the group it was written in.
        from_me: whether the owner wrote it, on the phone.
        timestamp: Unix seconds; now when absent.
        duplicate: how many times more the same message arrives.
        silent: stored, but no webhook tells of it, as during an outage.
        wrap: the wrapper of disappearing or view-once messages.
        addressing: by phone or by LID.
        reply_to: id of the message it answers.
        mentions: phones that it mentions.
        referral: the ad it came from, put in ``externalAdReply``.
        media_base64: the file's bytes; made up when absent.
        speech: what a made-up voice note says; the OpenAI stand-in transcribes it.
        choice_id: id of the chosen button or row.
        target: id of the message a reaction or a vote is about.
        options: the options of a poll, or the chosen ones of a vote.
        message_type: with kind ``raw``, the type.
        message: with kind ``raw``, the block.
    """

    sender: str | None = Field(default=None, alias="from")
    text: str = ""
    name: str | None = "Cliente Sandbox"
    kind: InboundKind = "text"
    lid: str | None = None
    message_id: str | None = None
    group: str | None = None
    from_me: bool = False
    timestamp: int | None = None
    duplicate: NonNegativeInt = 0
    silent: bool = False
    wrap: Literal["ephemeral", "view_once"] | None = None
    addressing: Literal["pn", "lid"] = "pn"
    source: Literal["ios", "android", "web", "desktop", "unknown"] = "ios"
    reply_to: str | None = None
    mentions: list[str] = Field(default_factory=list)
    referral: dict[str, Any] | None = None
    media_base64: str | None = None
    mimetype: str | None = None
    file_name: str | None = None
    seconds: int | None = None
    speech: str | None = None
    latitude: float = -23.5505
    longitude: float = -46.6333
    place: str = ""
    address: str = ""
    contacts: list[Person] = Field(default_factory=list)
    choice_id: str | None = None
    target: str | None = None
    options: list[str] = Field(default_factory=list)
    message_type: str | None = None
    message: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _complete(self) -> InboundOrder:
        if not self.sender and not self.lid and not (self.group and self.from_me):
            raise ValueError("a message needs a sender: from, lid, or group with from_me")
        if self.kind == "raw" and (self.message is None or self.message_type is None):
            raise ValueError("kind raw needs message_type and message")
        if self.kind == "contact" and not self.contacts:
            raise ValueError('kind contact needs contacts: [{"name": ..., "phone": ...}]')
        if self.kind in {"reaction", "poll_vote"} and self.target is None:
            raise ValueError(f"kind {self.kind} needs target, the id of a message")
        return self
