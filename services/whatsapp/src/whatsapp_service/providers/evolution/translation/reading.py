"""Reading one message: its content, what it answers, whom it mentions, which ad led to it."""

from typing import Any, NamedTuple

from common.contracts import MessageId, MessageKind, Referral, ReplyTo
from whatsapp_service.domain.model import Ignored
from whatsapp_service.providers.evolution.translation.content import Content, Reader, unsupported
from whatsapp_service.providers.evolution.translation.deals import DEALS
from whatsapp_service.providers.evolution.translation.json_values import (
    entries,
    identifier,
    mapping,
    text,
)
from whatsapp_service.providers.evolution.translation.people import read_jid
from whatsapp_service.providers.evolution.translation.things import MEDIA_TYPES, THINGS
from whatsapp_service.providers.evolution.translation.unwrap import (
    BESIDE,
    WRAPPERS,
    Found,
    declared_type,
    find_content,
)
from whatsapp_service.providers.evolution.translation.words import WORDS, best_words

_READERS: dict[str, Reader] = {**WORDS, **THINGS, **DEALS}
_CHOICES = frozenset({"interactiveMessage", "buttonMessage"})
"""The Cloud API channel's types of a choice: only its title arrives, as `conversation`."""
_SILENT = {
    "albumMessage": "an album's cover; its pictures arrive as messages of their own",
    "stickerSyncRmrMessage": "stickers of the owner's are synchronised",
    "messageHistoryBundle": "a part of another device's history",
    "messageHistoryNotice": "a part of another device's history",
}
_SAY_NOTHING = BESIDE | WRAPPERS | {"conversation", "extendedTextMessage", "protocolMessage"}
"""Types that are placeholders when their content is missing."""
_COPIES = frozenset[str | int](
    [
        *(5, 10, 12, 19),
        *("HD_VIDEO_DUAL_UPLOAD", "HD_IMAGE_DUAL_UPLOAD", "MOTION_PHOTO", "HEVC_VIDEO_DUAL_UPLOAD"),
    ]
)
"""How WhatsApp ties the better, or moving, copy of a picture or video to the one sent first."""
_EXCERPT = 300
_MOST_MENTIONS = 1024
_CIPHERTEXT_STUB = 2
"""WhatsApp's messageStubType of a message that could not be decrypted."""


class Protocol(NamedTuple):
    """A message about another message: it was edited, deleted, kept."""

    part: dict[str, Any]


class Context(NamedTuple):
    """What stands around the content."""

    reply_to: ReplyTo | None = None
    mentions: tuple[str, ...] = ()
    referral: Referral | None = None


_NO_CONTEXT = Context()


class Reading(NamedTuple):
    """One message, read."""

    content: Content
    context: Context

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing but words, with nothing around them."""
        return self.context is _NO_CONTEXT and self.content[2:] == _BARE


_BARE = Content(MessageKind.TEXT)[2:]


def read_message(data: dict[str, Any], *, from_me: bool) -> Reading | Protocol | Ignored:
    """Read a message object of MESSAGES_UPSERT, MESSAGES_SET or SEND_MESSAGE."""
    declared = declared_type(data.get("messageType"))
    message = mapping(data.get("message"))
    found = find_content(message, declared)
    if found is None:
        return _read_absent(data, message, declared)
    if found.type == "protocolMessage":
        return Protocol(mapping(found.part))
    if (reason := _why_silent(message, found)) is not None:
        return Ignored(reason)
    content = _read_content(found, message)
    if content.kind is MessageKind.TEXT:
        if not content.text:
            return Ignored("an empty placeholder: there are no words in it")
        if declared in _CHOICES and found.type == "conversation" and not from_me:
            content = content._replace(kind=MessageKind.BUTTON_REPLY)
    context = _read_context(data, found)
    if content.target is not None:
        context = context._replace(reply_to=content.target)
    return Reading(content, context)


def _why_silent(message: dict[str, Any], found: Found) -> str | None:
    """Say why a content is none to be told; None when it is one."""
    if found.type in MEDIA_TYPES:
        infos = (mapping(one.get("messageContextInfo")) for one in (message, found.message))
        kinds = (mapping(info.get("messageAssociation")).get("associationType") for info in infos)
        if any(isinstance(kind, str | int) and kind in _COPIES for kind in kinds):
            return "the same picture or video again, in better quality or moving"
    return _SILENT.get(found.type)


def _read_content(found: Found, beside: dict[str, Any]) -> Content:
    if found.type == "conversation":
        return Content(MessageKind.TEXT, text(found.part) or "")
    part = mapping(found.part)
    reader = _READERS.get(found.type)
    if reader is None:
        named = (text(found.type) or "unnamed")[:80]
        return unsupported(f"messages of type {named} are not supported", best_words(part))
    return reader(part, beside)


def _read_absent(
    data: dict[str, Any], message: dict[str, Any], declared: str | None
) -> Reading | Ignored:
    """Read a message whose content is missing; its type alone may be worth something."""
    if data.get("messageStubType") == _CIPHERTEXT_STUB:
        return Ignored("WhatsApp could not decrypt it; the sender's phone will send it again")
    if declared is None or declared in _SAY_NOTHING:
        return Ignored("an empty placeholder: it has no content")
    reader = _READERS.get(declared)
    # The EVOLUTION channel reports what was sent through it unwrapped: a file by nothing but
    # its type, buttons as the message itself.
    if reader is None or not (declared in MEDIA_TYPES or best_words(message)):
        return Reading(unsupported(f"the content of {declared[:80]} is missing"), _NO_CONTEXT)
    return Reading(reader(message, message), _read_context(data, None))


def _read_context(data: dict[str, Any], found: Found | None) -> Context:
    """Read `contextInfo`, which stands beside the message, inside the content, or in between."""
    info = data.get("contextInfo")
    if not info and found is not None:
        part = found.part
        info = part.get("contextInfo") if isinstance(part, dict) else None
        info = info or found.message.get("contextInfo")
    if not info or not isinstance(info, dict):
        return _NO_CONTEXT
    return Context(_quoted(info), _mentions(info), _referral(info))


def _quoted(info: dict[str, Any]) -> ReplyTo | None:
    quoted = identifier(info.get("stanzaId")) or identifier(info.get("stanzaID"))
    if quoted is None:
        return None
    writer = read_jid(info.get("participant"))
    return ReplyTo(
        message_id=MessageId(quoted),
        text=_excerpt(info.get("quotedMessage")),
        sender=None if writer is None else writer.person,
    )


def _excerpt(quoted: Any) -> str | None:
    words = words_of(quoted)
    if len(words) > _EXCERPT:
        words = f"{words[:_EXCERPT]}…"
    return words or None


def _mentions(info: dict[str, Any]) -> tuple[str, ...]:
    mentioned = info.get("mentionedJid") or info.get("mentionedJID")
    if not mentioned:
        return ()
    people = (read_jid(one) for one in entries(mentioned)[:_MOST_MENTIONS])
    return tuple(dict.fromkeys(jid.person for jid in people if jid and jid.person))


def _referral(info: dict[str, Any]) -> Referral | None:
    """Read the advertisement; Meta marks the way in as `ctwa_ad`, the click as `ctwaClid`."""
    ad = mapping(info.get("externalAdReply"))
    entry = text(info.get("entryPointConversionSource"))
    if not ad and not (entry and entry.startswith("ctwa")):
        return None
    referral = Referral(
        source_id=identifier(ad.get("sourceId")),
        source_url=text(ad.get("sourceUrl")),
        source_type=text(ad.get("sourceType")) or text(info.get("conversionSource")),
        title=text(ad.get("title")),
        body=text(ad.get("body")),
        click_id=text(ad.get("ctwaClid")),
        entry_point=entry,
    )
    known = referral.source_id or referral.source_url or referral.click_id or entry
    return referral if known else None


def words_of(message: Any) -> str:
    """Give the words of a message that comes without anything around it, as edits do."""
    found = find_content(mapping(message), None)
    return "" if found is None else _read_content(found, {}).text
