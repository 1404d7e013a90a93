"""What happens to messages later: acks, edits, deletions, which name a message by its id only."""

from collections.abc import Sequence

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
    known = await context.messages.known([_key(one) for one in seen])
    for one in seen:
        key = _key(one)
        message = known.get(key)
        if message is None:
            await _keep(context, one)
            continue
        announcements.add_about(key, one, await _apply(context, one, message, moved))
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


async def _keep(context: Context, seen: Seen) -> None:
    """Keep what names a message that we do not have: it came before it, or before our time."""
    if isinstance(seen.observation.event, MessageDeliveryUpdated):
        # Kept with the deliveries already, and announced with the message.
        return
    await context.messages.keep_event(
        seen.integration,
        event_id=seen.webhook.id,
        reason="it changes a message that we do not have",
        body=seen.webhook.event.body,
    )


async def _deliver(context: Context, seen: Sequence[Seen]) -> set[tuple[MessageKey, str]]:
    updates = [
        Delivered(_key(one), one.integration.tenant, event.status)
        for one in seen
        if isinstance(event := one.observation.event, MessageDeliveryUpdated)
    ]
    moved = await context.messages.delivered(updates) if updates else []
    return {(update.key, update.status) for update in moved}


async def _apply(
    context: Context, seen: Seen, message: KnownMessage, moved: set[tuple[MessageKey, str]]
) -> list[Event]:
    event, key = seen.observation.event, _key(seen)
    match event:
        case MessageDeliveryUpdated():
            if (key, event.status) not in moved:
                return []
            moved.discard((key, event.status))
            found = {"chat_id": message.chat_id, "command_id": message.command_id}
            return [event.model_copy(update=found)]
        case MessageEdited():
            at = event.edited_at or seen.webhook.time
            changed = await context.messages.edit(key, event.text, at)
        case MessageDeleted():
            changed = await context.messages.delete(key, event.deleted_at or seen.webhook.time)
    # Told twice, or of what we did ourselves and have announced.
    return [event.model_copy(update={"chat_id": message.chat_id})] if changed else []


def _key(seen: Seen) -> MessageKey:
    event = seen.observation.event
    assert isinstance(event, Change)  # noqa: S101 - the caller sorted by type
    return MessageKey(seen.integration.id, event.message_id)
