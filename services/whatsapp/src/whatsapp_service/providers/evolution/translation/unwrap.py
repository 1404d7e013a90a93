"""Finding what a message contains: its type, below all the wrappers around it."""

from typing import Any, NamedTuple

from whatsapp_service.providers.evolution.translation.json_values import text

WRAPPERS = frozenset(
    {
        "associatedChildMessage",
        "botForwardedMessage",
        "botInvokeMessage",
        "botTaskMessage",
        "commentMessage",
        "deviceSentMessage",
        "documentWithCaptionMessage",
        "editedMessage",
        "ephemeralMessage",
        "eventCoverImage",
        "groupMentionedMessage",
        "groupStatusMentionMessage",
        "groupStatusMessage",
        "groupStatusMessageV2",
        "limitSharingMessage",
        "lottieStickerMessage",
        "pollCreationMessageV4",
        "pollCreationOptionImageMessage",
        "questionMessage",
        "questionReplyMessage",
        "spoilerMessage",
        "statusAddYours",
        "statusMentionMessage",
        "viewOnceMessage",
        "viewOnceMessageV2",
        "viewOnceMessageV2Extension",
    }
)
"""Types that hold another message under `message` (WhatsApp's FutureProofMessage, and kin)."""

BESIDE = frozenset(
    {
        "base64",
        "contextInfo",
        "deviceListMetadata",
        "deviceListMetadataVersion",
        "fastRatchetKeySenderKeyDistributionMessage",
        "mediaUrl",
        "messageContextInfo",
        "messageSecret",
        "senderKeyDistributionMessage",
        "speechToText",
    }
)
"""What stands beside the content, and is none."""

_DEEPEST = 16
_NOT_TYPES = frozenset({"", "unknown"})


class Found(NamedTuple):
    """The content of a message."""

    type: str
    part: Any
    message: dict[str, Any]
    """The innermost message, with what stands beside the content."""


def find_content(message: dict[str, Any], declared: str | None) -> Found | None:
    """Find the content; None when there is none.

    `declared` is Evolution's `messageType`. It is the type before the wrappers are taken off,
    may be missing, and on the Cloud API channel may name what is not there.
    """
    for _ in range(_DEEPEST):
        kind = _type_of(message, declared)
        if kind is None:
            return None
        part = message[kind]
        if kind not in WRAPPERS:
            return Found(kind, part, message)
        inner = part.get("message") if isinstance(part, dict) else None
        if not isinstance(inner, dict):
            return Found(kind, part, message) if part else None
        message, declared = inner, None
    return Found("nested too deeply", {}, message)


def _type_of(message: dict[str, Any], declared: str | None) -> str | None:
    if declared is not None and declared not in BESIDE:
        value = message.get(declared)
        if value and isinstance(value, str | dict):
            return declared
    candidates = [
        name
        for name, value in message.items()
        if name not in BESIDE and (isinstance(value, dict) or (name == "conversation" and value))
    ]
    for name in candidates:
        if name.endswith("Message") or name == "conversation":
            return name
    return candidates[0] if candidates else None


def declared_type(value: Any) -> str | None:
    """Give Evolution's `messageType`, unless it says nothing."""
    named = text(value)
    return named if named not in _NOT_TYPES else None
