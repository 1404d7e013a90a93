"""The state of a number: every change said once, storms of repetitions cost nothing."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from common.contracts import ConnectionChanged, ConnectionState, Event, QrCodeRefreshed
from whatsapp_service.domain.model import Integration
from whatsapp_service.domain.ports import Context
from whatsapp_service.domain.ports.care import Errand
from whatsapp_service.domain.usecases.batch import Announcements, Seen

REPAIR_AFTER = timedelta(seconds=5)
"""What arrived meanwhile comes by webhook first; and a number that flaps is compared once."""


async def observe_connections(
    context: Context, seen: Sequence[Seen], announcements: Announcements
) -> None:
    """Apply what was said about numbers; runs of the same state count as one."""
    numbers: dict[str, list[Seen]] = {}
    for one in seen:
        numbers.setdefault(one.integration.id, []).append(one)
    for told in numbers.values():
        for first, last in _runs(_as_told(told)):
            if await _is_news(context, last):
                announcements.add(first, await _apply(context, first))


def _as_told(seen: list[Seen]) -> list[Seen]:
    """Put what was said about one number in the order it was said: webhooks come in any."""
    times = [one.observation.told_at for one in seen]
    if None in times:
        return seen
    ordered = sorted(seen, key=_told_at)
    # Announced in this order too, at the places that the batch has for them.
    places = [one.place for one in seen]
    return [one._replace(place=place) for one, place in zip(ordered, places, strict=True)]


def _told_at(seen: Seen) -> tuple[datetime | None, bool]:
    return seen.observation.told_at, _state(seen) is not ConnectionState.CONNECTING


def _runs(seen: Sequence[Seen]) -> list[tuple[Seen, Seen]]:
    """Give the first and the last of each run of one state; every code stands for itself."""
    runs: list[tuple[Seen, Seen]] = []
    for one in seen:
        is_code = isinstance(one.observation.event, QrCodeRefreshed)
        if runs and not is_code and _state(runs[-1][0]) is _state(one):
            runs[-1] = (runs[-1][0], one)
        else:
            runs.append((one, one))
    return runs


def _state(seen: Seen) -> ConnectionState:
    event = seen.observation.event
    return event.state if isinstance(event, ConnectionChanged) else ConnectionState.QR


async def _is_news(context: Context, seen: Seen) -> bool:
    told_at = seen.observation.told_at
    return told_at is None or await context.integrations.hear(
        seen.integration.id, _state(seen), told_at
    )


async def _apply(context: Context, seen: Seen) -> list[Event]:
    event = seen.observation.event
    if isinstance(event, ConnectionChanged):
        return await change_state(context, seen.integration, event)
    qr = seen.observation.qr
    if qr is not None and not await context.integrations.show_qr(seen.integration.id, qr):
        # Webhooks overtake each other: this code was shown before the number was scanned.
        return []
    waiting = ConnectionChanged(integration_id=seen.integration.id, state=ConnectionState.QR)
    return [*await change_state(context, seen.integration, waiting), event]


async def change_state(
    context: Context, integration: Integration, event: ConnectionChanged, *, ordered: bool = False
) -> list[Event]:
    """Move a number to a state; gives the event to announce, or nothing when it was there.

    When it opens, what waits to be sent is tried at once, and what no webhook brought meanwhile
    is looked for.
    """
    before = await context.integrations.change_state(integration.id, event, ordered=ordered)
    if before is None:
        return []
    if event.state is ConnectionState.OPEN:
        await context.care.wake(integration.id)
        await context.care.want(integration, Errand.REPAIR, cause="reopened", after=REPAIR_AFTER)
    return [event.model_copy(update={"previous": before, "agent_id": integration.agent_id})]


async def proven_alive(
    context: Context, seen: Sequence[Seen], announcements: Announcements
) -> None:
    """Open the numbers that were degraded: something of theirs has arrived."""
    for one in {one.integration.id: one for one in seen}.values():
        opened = ConnectionChanged(integration_id=one.integration.id, state=ConnectionState.OPEN)
        announcements.add(one, await change_state(context, one.integration, opened))
