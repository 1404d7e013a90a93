"""What happens to messages later: acks, edits, deletions, which name a message by its id only."""

from collections.abc import Sequence
from typing import cast

from common.contracts import (
    ConnectionState,
    DeliveryStatus,
    Event,
    MessageDeleted,
    MessageDeliveryUpdated,
    MessageEdited,
)
from whatsapp_service.domain.ports import Context, Delivered, KnownMessage, MessageKey
from whatsapp_service.domain.usecases.batch import Announcements, Seen
from whatsapp_service.domain.usecases.connection import proven_alive

Change = MessageDeliveryUpdated | MessageEdited | MessageDeleted


async def apply_changes(
    context: Context, seen: Sequence[Seen], announcements: Announcements
) -> None:
    """Apply changes to stored messages and announce those that changed something."""
    if not seen:
        return
    moved = await _deliver(context, seen)
    later = [_key(one) for one in seen if not _is_delivery(one)]
    known = await context.messages.known(later) if later else {}
    for one in seen:
        key = _key(one)
        if _is_delivery(one):
            announcements.add_about(key, one, _delivery(one, moved))
        elif (message := known.get(key)) is None:
            await _keep(context, one)
        else:
            announcements.add_about(key, one, await _apply(context, one, message))
    degraded = [one for one in seen if _proves_alive(one)]
    if degraded:
        await proven_alive(context, degraded, announcements)


def _proves_alive(seen: Seen) -> bool:
    event = seen.observation.event
    return (
        seen.integration.state is ConnectionState.DEGRADED
        and isinstance(event, MessageDeliveryUpdated)
        and event.status not in {DeliveryStatus.PENDING, DeliveryStatus.FAILED}
    )


def _is_delivery(seen: Seen) -> bool:
    return type(seen.observation.event) is MessageDeliveryUpdated


async def _keep(context: Context, seen: Seen) -> None:
    """Keep what names a message that we do not have: it came before it, or before our time."""
    await context.messages.keep_event(
        seen.integration,
        chat=cast("Change", seen.observation.event).chat_id,
        event_id=seen.webhook.id,
        reason="it changes a message that we do not have",
        body=seen.webhook.event.body,
    )


_Moved = dict[Delivered, KnownMessage | None]


async def _deliver(context: Context, seen: Sequence[Seen]) -> _Moved:
    updates = [_delivered(one) for one in seen if _is_delivery(one)]
    return await context.messages.delivered(updates) if updates else {}


def _delivered(seen: Seen) -> Delivered:
    event = cast("MessageDeliveryUpdated", seen.observation.event)
    return Delivered(_key(seen), seen.integration.tenant, event.status)


def _delivery(seen: Seen, moved: _Moved) -> list[Event]:
    """Announce how far a message came, once; of one that we do not have, when it comes."""
    message = moved.pop(_delivered(seen), None)
    if message is None:
        return []
    event = cast("MessageDeliveryUpdated", seen.observation.event)
    return [event.amended(chat_id=message.chat_id, command_id=message.command_id)]


async def _apply(context: Context, seen: Seen, message: KnownMessage) -> list[Event]:
    event, key = seen.observation.event, _key(seen)
    changed = False
    match event:
        case MessageEdited():
            at = event.edited_at or seen.webhook.time
            changed = await context.messages.edit(key, event.text, at)
        case MessageDeleted():
            changed = await context.messages.delete(key, event.deleted_at or seen.webhook.time)
    # Told twice, or of what we did ourselves and have announced.
    return [event.amended(chat_id=message.chat_id)] if changed else []


def _key(seen: Seen) -> MessageKey:
    event = seen.observation.event
    assert isinstance(event, Change)  # noqa: S101 - the caller sorted by type
    return MessageKey(seen.integration.id, event.message_id)
