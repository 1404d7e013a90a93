"""Messages that were written, in either direction: stored once, announced when new."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from common.contracts import (
    ChatId,
    CommandId,
    DeliveryStatus,
    MessageDeliveryUpdated,
    MessageReceived,
    MessageSent,
)
from whatsapp_service.domain.model import STALE_AFTER, Outbound
from whatsapp_service.domain.ports import Context, FoundChat, MessageKey, SeenChat, StoredMessage
from whatsapp_service.domain.usecases.batch import Announcements, Seen
from whatsapp_service.domain.usecases.media import want_files

_InFlight = dict[ChatId, list[Outbound]]
Told = tuple[Seen, MessageReceived | MessageSent]


async def store_messages(
    context: Context, seen: Sequence[Seen], announcements: Announcements
) -> None:
    """Store what was written and announce what is new."""
    if not seen:
        return
    chats = await _chats(context, seen)
    in_flight = await _in_flight(context, seen, chats)
    recorded = await _recorded(context, seen, chats, in_flight)
    rows: dict[MessageKey, StoredMessage] = {}
    news: dict[MessageKey, Told] = {}
    copies: list[Told] = []
    now = context.now()
    for one in seen:
        event = _complete(one, chats[one.place], now)
        key = MessageKey(one.integration.id, event.message_id)
        if key in rows:
            copies.append((one, event))
            continue
        command = recorded.get(key) or _command_of(event, one, in_flight)
        rows[key] = _row(key, one, event, command)
        if command is None:
            news[key] = (one, event)
    new = await context.messages.store(list(rows.values()))
    fresh = {key: told for key, told in news.items() if key in new}
    await _announce(context, fresh, rows, announcements)
    copies += [told for key, told in news.items() if key not in new]
    if copies:
        await _enrich(context, copies)


async def _announce(
    context: Context,
    fresh: dict[MessageKey, Told],
    rows: dict[MessageKey, StoredMessage],
    announcements: Announcements,
) -> None:
    overtaken = await _overtaken(context, [key for key in fresh if rows[key].outgoing])
    files: list[tuple[Seen, MessageReceived]] = []
    for key, (one, event) in fresh.items():
        announcements.births[key] = one
        announcements.add_encoded(one, event, rows[key].content)
        if key in overtaken:
            announcements.add(one, [delivery_of(event, overtaken[key])])
        if type(event) is MessageReceived and event.media is not None:
            files.append((one, event))
        await _keep_unsupported(context, one, event.chat_id)
    if files:
        await want_files(context, files)


async def _enrich(context: Context, copies: Sequence[Told]) -> None:
    """Let messages that came again gain by it; what we wrote ourselves is known whole."""
    rows: dict[MessageKey, StoredMessage] = {}
    for one, event in copies:
        key = MessageKey(one.integration.id, event.message_id)
        row = _row(key, one, event, None)
        if not row.outgoing:
            rows[key] = row
    if not rows:
        return
    gained = await context.messages.enrich(list(rows.values()))
    found = [
        (one, event)
        for one, event in copies
        if type(event) is MessageReceived
        and event.media is not None
        and MessageKey(one.integration.id, event.message_id) in gained
    ]
    await want_files(context, found)


async def _overtaken(
    context: Context, outgoing: Sequence[MessageKey]
) -> dict[MessageKey, DeliveryStatus]:
    """Find acks that came before the message they are about."""
    return await context.messages.deliveries(outgoing) if outgoing else {}


def delivery_of(
    message: MessageReceived | MessageSent, status: DeliveryStatus
) -> MessageDeliveryUpdated:
    """Say how far a message of ours had come before we knew of it."""
    return MessageDeliveryUpdated(
        message_id=message.message_id,
        chat_id=message.chat_id,
        integration_id=message.integration_id,
        command_id=message.command_id if isinstance(message, MessageSent) else None,
        status=status,
    )


async def _chats(context: Context, seen: Sequence[Seen]) -> dict[int, FoundChat]:
    found = [
        (one.place, SeenChat(one.integration, one.observation.chat, _at(one)))
        for one in seen
        if one.observation.chat is not None
    ]
    chats = await context.chats.resolve([chat for _, chat in found])
    return {place: chat for (place, _), chat in zip(found, chats, strict=True)}


def _at(seen: Seen) -> datetime:
    event = seen.observation.event
    if type(event) is MessageReceived or type(event) is MessageSent:
        return event.sent_at
    return seen.webhook.time


def _complete(seen: Seen, chat: FoundChat, now: datetime) -> MessageReceived | MessageSent:
    """Fill in what only we know: the chat and its wish, the agent, whether it came too late."""
    event = seen.observation.event
    if type(event) is not MessageReceived:
        return cast("MessageSent", event).completed(chat_id=chat.id)
    stale = event.stale or now - event.sent_at > STALE_AFTER
    agent = seen.integration.agent_id
    return event.completed(chat_id=chat.id, agent_id=agent, stale=stale, opted_out=chat.opted_out)


def _reports_ours(seen: Seen) -> bool:
    """Whether this tells of a message that left our number, perhaps by our own doing."""
    return seen.observation.echo or bool(getattr(seen.observation.event, "from_me", False))


async def _in_flight(
    context: Context, seen: Sequence[Seen], chats: dict[int, FoundChat]
) -> _InFlight:
    """Find commands whose call has begun and not ended, where such messages were reported."""
    suspects = {chats[one.place].id for one in seen if _reports_ours(one)}
    if not suspects:
        return {}
    found = await context.outbound.in_flight(sorted(suspects))
    calls: _InFlight = {}
    for one in found:
        calls.setdefault(one.chat_id, []).append(one)
    return calls


async def _recorded(
    context: Context, seen: Sequence[Seen], chats: dict[int, FoundChat], in_flight: _InFlight
) -> dict[MessageKey, CommandId]:
    """Find what the sender has written down, where several could be the call's.

    The same words twice in a row, told of in one batch: were the first taken for the call, the
    second would be announced as somebody else's.
    """
    if not in_flight:
        return {}
    reported: dict[MessageKey, ChatId] = {}
    for one in seen:
        chat = chats[one.place].id
        if chat in in_flight and _reports_ours(one):
            event = cast("MessageSent", one.observation.event)
            reported[MessageKey(one.integration.id, event.message_id)] = chat
    if len(reported) == len(set(reported.values())):
        return {}
    known = await context.messages.known(list(reported))
    return {key: one.command_id for key, one in known.items() if one.command_id is not None}


def _command_of(
    event: MessageReceived | MessageSent, seen: Seen, in_flight: _InFlight
) -> CommandId | None:
    """Recognise the message of a command in flight: it is the sender's to announce.

    Each lane of a chat has one call in flight at most, so kind and words are enough to tell it
    from all others that were written since the call began.
    """
    if not in_flight or not _reports_ours(seen) or seen.observation.typed:
        return None
    calls = in_flight.get(event.chat_id, [])
    for call in calls:
        if call.is_told_as(event.kind, event.text, event.sent_at):
            calls.remove(call)
            return call.command_id
    return None


def _row(
    key: MessageKey,
    seen: Seen,
    event: MessageReceived | MessageSent,
    command: CommandId | None,
) -> StoredMessage:
    return StoredMessage(
        key=key,
        tenant=seen.integration.tenant,
        chat_id=event.chat_id,
        outgoing=_reports_ours(seen),
        kind=event.kind,
        text=event.text,
        content=event.__pydantic_serializer__.to_json(event, exclude_none=True),
        sent_at=event.sent_at,
        command_id=command,
        participant=seen.observation.participant,
    )


async def _keep_unsupported(context: Context, seen: Seen, chat: ChatId) -> None:
    reason = seen.observation.unsupported
    if reason is not None:
        await context.messages.keep_event(
            seen.integration,
            chat=chat,
            event_id=seen.webhook.id,
            reason=reason,
            body=seen.webhook.event.body,
        )
