"""What a command's content becomes on its way out, and how it is recognised when told back."""

from common.contracts import (
    ChoicesMessage,
    ContactsMessage,
    Content,
    DeleteMessage,
    EditMessage,
    File,
    LocationMessage,
    MarkRead,
    MediaMessage,
    MessageId,
    MessageKind,
    ReactionMessage,
    Text,
    Typing,
)

TEXT_LIMIT = 4_096
"""Characters of one message; what is longer goes as several (WhatsApp's own limit by its API)."""

Act = EditMessage | DeleteMessage | MarkRead | Typing
"""What changes something and is no message: doing it twice is as good as once."""
Message = Text | MediaMessage | LocationMessage | ContactsMessage | ReactionMessage | ChoicesMessage
"""What appears in the chat, and must appear once."""

_MIB = 1024 * 1024
FILE_LIMITS = {
    "image": 16 * _MIB,
    "video": 64 * _MIB,
    "audio": 16 * _MIB,
    "voice": 16 * _MIB,
    "document": 96 * _MIB,
}
"""Bytes. WhatsApp takes no larger pictures and sounds; a document of 96 MiB is, as base64, what
Evolution's limit of 136 MB for a body can hold."""
_FAMILIES = {"image": "image/", "video": "video/", "audio": "audio/", "voice": "audio/"}
_ALSO_SOUND = frozenset({"application/ogg", "video/ogg", "video/webm", "video/mp4"})
"""What recorders call a sound; Evolution turns any of them into a voice note."""
_CUTS = ("\n\n", "\n", ". ", "! ", "? ", "; ", ", ", " ")
"""Where a text may be cut, the best place first."""
_JOINERS = frozenset("\u200d\ufe0f\u20e3")


def parts_of(content: Content) -> tuple[Content, ...]:
    """Give what is sent call by call, always the same for the same content."""
    match content:
        case Text(text=words) if len(words) > TEXT_LIMIT:
            first, *rest = split_text(words)
            return (content.model_copy(update={"text": first}), *(Text(text=one) for one in rest))
        case _:
            return (content,)


def split_text(words: str, limit: int = TEXT_LIMIT) -> list[str]:
    """Cut a text where a reader would pause; nothing but white space at the cuts is lost."""
    parts: list[str] = []
    rest = words
    while len(rest) > limit:
        at = _cut(rest, limit)
        part = rest[:at].rstrip()
        if part:
            parts.append(part)
        rest = rest[at:].lstrip()
    if rest or not parts:
        parts.append(rest)
    return parts


def _cut(words: str, limit: int) -> int:
    for mark in _CUTS:
        at = words.rfind(mark, limit // 2, limit - len(mark) + 1)
        if at > 0:
            return at + len(mark)
    # No pause in the second half: cut anywhere, but not inside what is seen as one sign.
    at = limit
    while at > 1 and (_continues(words[at]) or words[at - 1] in _JOINERS):
        at -= 1
    return at if at > 1 else limit


def _continues(sign: str) -> bool:
    return sign in _JOINERS or "\u0300" <= sign <= "\u036f" or "\U0001f3fb" <= sign <= "\U0001f3ff"


def as_text(content: ChoicesMessage) -> Text:
    """Write a choice in plain words, numbered, for phones that show neither buttons nor lists."""
    lines = [f"*{content.title}*", ""] if content.title else []
    lines += [content.text, ""]
    for number, choice in enumerate(content.choices, start=1):
        more = f" — {choice.description}" if choice.description else ""
        lines.append(f"{number}. {choice.title}{more}")
    if content.footer:
        lines += ["", f"_{content.footer}_"]
    return Text(text="\n".join(lines))


def kind_of(content: Message) -> MessageKind:
    """Name the kind of message that a content becomes."""
    match content:
        case Text() | ChoicesMessage():
            return MessageKind.TEXT
        case _:
            return MessageKind(content.kind)


def words_of(content: Message) -> str:
    """Give what a reader sees of a content in words."""
    match content:
        case Text(text=words):
            return words
        case MediaMessage(caption=caption):
            return caption
        case LocationMessage(location=place):
            return place.name or f"{place.latitude:.5f}, {place.longitude:.5f}"
        case ContactsMessage(contacts=cards):
            return ", ".join(card.name or next(iter(card.phones), "?") for card in cards)
        case ReactionMessage(emoji=emoji):
            return emoji
        case ChoicesMessage():
            return as_text(content).text


def is_told_as(content: Content, kind: MessageKind, words: str) -> bool:
    """Whether a message that is told of, of this kind and with these words, can be this content.

    A provider tells back less than it was given, so this can only rule out.
    """
    match content:
        case Text(text=text):
            return kind is MessageKind.TEXT and words == text
        case ChoicesMessage():
            # As buttons, as a list, or in plain words: all of them carry the question.
            return kind is MessageKind.TEXT and (content.text in words or content.title == words)
        case MediaMessage(kind="audio" | "voice"):
            # Its words, if any, are a transcript.
            return kind in {MessageKind.AUDIO, MessageKind.VOICE}
        case MediaMessage(caption=own) | ReactionMessage(emoji=own):
            return kind == content.kind and words == own
        case _:
            return kind == content.kind


def target_of(content: Content) -> tuple[MessageId, ...]:
    """Name the messages that a content is about, and without which it means nothing."""
    match content:
        case EditMessage() | DeleteMessage():
            return (content.message_id,)
        case ReactionMessage(to=target):
            return (target,)
        case MarkRead(message_ids=targets):
            return targets
        case _:
            return ()


def file_of(content: Content) -> File | None:
    """Give the file that a content carries."""
    return content.file if isinstance(content, MediaMessage) else None


def fits_kind(kind: str, mimetype: str) -> bool:
    """Whether a file of this type can be sent as this kind of message."""
    family = _FAMILIES.get(kind, "")
    if kind in {"audio", "voice"} and mimetype in _ALSO_SOUND:
        return True
    return mimetype.startswith(family)
