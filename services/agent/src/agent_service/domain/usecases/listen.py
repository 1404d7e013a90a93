"""What is said in a chat joins its conversation; what the customer says opens a turn."""

from collections.abc import Mapping, Sequence

from agent_service.domain.model import (
    AgentSettings,
    LineMedia,
    MediaState,
    NewLine,
    Role,
    State,
    conversation_id,
)
from agent_service.domain.model.attached import attached_to, speaker_of
from agent_service.domain.model.ignored import is_ignored
from agent_service.domain.model.texts import storable
from agent_service.domain.ports import Context, Heard
from agent_service.domain.usecases.states import give_to_person, tell
from common.contracts import AgentId, Envelope, MessageKind, MessageReceived, Sender

_SILENT = {MessageKind.REACTION, MessageKind.SYSTEM, MessageKind.POLL_VOTE}


async def listen(context: Context, received: Sequence[Envelope[MessageReceived]]) -> None:
    """Take in messages of chats that an agent answers; the others are none of ours."""
    meant = [envelope for envelope in received if _is_for_an_agent(envelope.event)]
    if not meant:
        return
    manners = await context.agents.settings_of(
        {envelope.event.agent_id for envelope in meant if envelope.event.agent_id is not None}
    )
    lines = [line for envelope in meant if (line := _line(envelope, manners)) is not None]
    for heard in await context.conversations.listen(lines, manners, context.now()):
        await _follow(context, heard, manners[heard.line.agent_id])


def _is_for_an_agent(event: MessageReceived) -> bool:
    return event.agent_id is not None and not event.stale and event.kind not in _SILENT


async def _follow(context: Context, heard: Heard, settings: AgentSettings) -> None:
    """Tell that the agent is back, or make way for the owner who typed on the phone."""
    known = await context.conversations.get(heard.line.conversation)
    if known is None:
        return
    if heard.returned_from is not None:
        await context.conversations.change_state(known.id, State.BOT)
        tell(context, known, State.BOT, heard.returned_from, "the person's time was over")
    if heard.owner_wrote and settings.on_owner_message == "pause":
        await give_to_person(context, known, settings, "the owner wrote from the phone")


def _line(
    envelope: Envelope[MessageReceived], manners: Mapping[AgentId, AgentSettings]
) -> NewLine | None:
    event = envelope.event
    settings = manners.get(event.agent_id) if event.agent_id is not None else None
    if event.agent_id is None or settings is None:
        return None
    known_as = _known_as(event)
    writer = () if event.from_me else _names_of(event.sender)
    if is_ignored(settings, {*known_as, *writer}):
        return None
    if event.kind is MessageKind.UNSUPPORTED and not settings.unknown_reply:
        return None
    role = _role(event, settings)
    return NewLine(
        conversation=conversation_id(envelope.tenant, event.integration_id, event.chat_id),
        tenant=envelope.tenant,
        agent_id=event.agent_id,
        integration_id=event.integration_id,
        chat_id=event.chat_id,
        message_id=event.message_id,
        role=role,
        text=_words(event),
        at=event.sent_at,
        traceparent=envelope.traceparent,
        media=_media(event),
        speaker=speaker_of(event),
        attached=attached_to(event),
        known_as=known_as,
        opted_out=event.opted_out and role is Role.CUSTOMER,
    )


def _known_as(event: MessageReceived) -> tuple[str, ...]:
    """Name the other side of the chat, as far as this message tells who it is."""
    if event.group is not None:
        return (storable(event.group.id),)
    person = event.contact if event.from_me else event.sender
    return () if person is None else _names_of(person)


def _names_of(person: Sender) -> tuple[str, ...]:
    lid = (person.lid or "").partition("@")[0]
    return tuple(name for name in (person.phone, lid) if name)


def _role(event: MessageReceived, settings: AgentSettings) -> Role:
    if not event.from_me or settings.on_owner_message == "answer":
        return Role.CUSTOMER
    return Role.HUMAN


def _words(event: MessageReceived) -> str:
    # Postgres holds every character but this one.
    return event.text.replace("\0", "") or f"[{event.kind}]"


def _media(event: MessageReceived) -> LineMedia | None:
    media = event.media
    if media is None:
        return None
    stored = media.reference is not None
    return LineMedia(
        kind=event.kind,
        state=MediaState.STORED if stored else MediaState.AWAITED,
        reference=media.reference,
        mimetype=media.mimetype,
        name=media.file_name.replace("\0", "") if media.file_name else None,
        seconds=media.seconds,
    )
