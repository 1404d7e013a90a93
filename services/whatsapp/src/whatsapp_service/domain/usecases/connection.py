"""The state of a number: every change said once, storms of repetitions cost nothing."""

from collections.abc import Sequence

from common.contracts import ConnectionChanged, ConnectionState, Event, QrCodeRefreshed
from whatsapp_service.domain.model import Integration
from whatsapp_service.domain.ports import Context
from whatsapp_service.domain.usecases.batch import Announcements, Seen


async def observe_connections(
    context: Context, seen: Sequence[Seen], announcements: Announcements
) -> None:
    """Apply what was said about numbers; runs of the same state count as one."""
    last: dict[str, ConnectionState] = {}
    for one in seen:
        event = one.observation.event
        if isinstance(event, QrCodeRefreshed):
            last[one.integration.id] = ConnectionState.QR
            announcements.add(one, await _qr(context, one, event))
        elif isinstance(event, ConnectionChanged) and last.get(one.integration.id) != event.state:
            last[one.integration.id] = event.state
            announcements.add(one, await change_state(context, one.integration, event))


async def _qr(context: Context, seen: Seen, event: QrCodeRefreshed) -> list[Event]:
    qr = seen.observation.qr
    if qr is not None and not await context.integrations.show_qr(seen.integration.id, qr):
        # Webhooks overtake each other: this code was shown before the number was scanned.
        return []
    waiting = ConnectionChanged(integration_id=seen.integration.id, state=ConnectionState.QR)
    return [*await change_state(context, seen.integration, waiting), event]


async def change_state(
    context: Context, integration: Integration, event: ConnectionChanged
) -> list[Event]:
    """Move a number to a state; gives the event to announce, or nothing when it was there."""
    before = await context.integrations.change_state(integration.id, event)
    if before is None:
        return []
    return [event.model_copy(update={"previous": before, "agent_id": integration.agent_id})]
