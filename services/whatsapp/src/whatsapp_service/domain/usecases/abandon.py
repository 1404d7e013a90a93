"""A send that was given up: its row must not say that it still waits."""

from common.contracts import CommandId
from whatsapp_service.domain.model import OutboundState
from whatsapp_service.domain.ports import Outbounds, Outbox
from whatsapp_service.domain.usecases.outcomes import NEVER_KNOWN, end_badly


async def abandon(outbound: Outbounds, outbox: Outbox, command_id: CommandId, reason: str) -> None:
    """Say what became of a message whose job was parked.

    One that never left has failed. One whose call began may be on somebody's phone: whoever asked
    for it is told that nobody knows, and it is never sent again.
    """
    found = await outbound.get(command_id)
    if found is None:
        return
    if found.is_unsettled():
        code, words = NEVER_KNOWN
        why = (code, f"{words} ({reason})")
        await end_badly(outbound, outbox, found, OutboundState.GIVEN_UP, why)
    elif found.state is OutboundState.QUEUED:
        await end_badly(outbound, outbox, found, OutboundState.FAILED, ("parked", reason))
