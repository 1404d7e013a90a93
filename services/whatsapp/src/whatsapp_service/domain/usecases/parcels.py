"""A message made ready for the provider, and handed over."""

from typing import Literal

from common.contracts import Choice, ChoicesMessage, MessageId, ReactionMessage
from common.errors import NeedsOperator, NotFound, Refused
from whatsapp_service.domain.model import Act, SentMessage
from whatsapp_service.domain.model.outgoing import as_text
from whatsapp_service.domain.ports import (
    LoadedFile,
    MessageRef,
    Messenger,
    Opener,
    Parcel,
    Sending,
    Target,
)

_MOST_BUTTONS = 3
NO_SUCH_TARGET = "The message that this is about is not known in this chat."


class UnknownTarget(NotFound):
    """The message that a command is about is not one of the chat's."""

    code = "unknown_message"


async def parcel_of(open_context: Opener, sending: Sending, file: LoadedFile | None) -> Parcel:
    """Make the next part ready.

    Raises:
        UnknownTarget: it reacts to nothing that we know.
    """
    content = sending.outbound.part
    assert not isinstance(content, Act)  # noqa: S101 - the caller sorted by type
    target = None
    if isinstance(content, ReactionMessage):
        async with open_context() as context:
            known = await context.outbound.targets(sending.outbound, [content.to])
        if content.to not in known:
            raise UnknownTarget(NO_SUCH_TARGET)
        target = ref_to(sending, content.to, known[content.to])
    return Parcel(sending.instance or "", sending.jids[0], content, file, target, sending.transport)


def ref_to(sending: Sending, message_id: MessageId, known: Target) -> MessageRef:
    """Name a message by the address it was really sent to, if we know that."""
    jid = (known.remote_jid if known.outgoing else None) or sending.jids[0]
    return MessageRef(jid, message_id, known.outgoing, known.participant)


async def post(
    messenger: Messenger, parcel: Parcel, choices: Literal["text", "native"]
) -> SentMessage:
    """Hand a message over; buttons and lists in plain words, unless the tenant wants them shown.

    Evolution 2.3 takes buttons that phones then do not show, so words are what a tenant gets who
    asked for nothing else; and also one who did, when Evolution refuses them.
    """
    content = parcel.content
    if not isinstance(content, ChoicesMessage):
        return await messenger.send(parcel)
    in_words = Parcel(parcel.instance, parcel.jid, as_text(content))
    if choices == "text" or _too_many(content.kind, content.choices):
        return await messenger.send(in_words)
    try:
        return await messenger.send(parcel)
    except NeedsOperator:
        raise
    except Refused as error:
        if error.code != Refused.code:
            raise
        # Refused is certain: nothing was sent.
        return await messenger.send(in_words)


def _too_many(kind: str, choices: tuple[Choice, ...]) -> bool:
    return kind == "buttons" and len(choices) > _MOST_BUTTONS
