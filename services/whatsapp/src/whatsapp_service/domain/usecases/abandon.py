"""A send that was given up: its row must not say that it still waits."""

from common.contracts import CommandId, MessageFailed
from whatsapp_service.domain.model import OutboundState
from whatsapp_service.domain.ports import Outbounds, Outbox


async def abandon(outbound: Outbounds, outbox: Outbox, command_id: CommandId, reason: str) -> None:
    """Say what became of a message whose job was parked.

    One that never left has failed, and whoever asked for it is told. One whose call began stays
    unknown: it may be on somebody's phone, so neither "sent" nor "failed" would be true.
    """
    found = await outbound.get(command_id)
    if found is None:
        return
    if found.is_unsettled():
        await outbound.end(command_id, OutboundState.UNKNOWN, code="parked", reason=reason)
        return
    if found.state is not OutboundState.QUEUED:
        return
    await outbound.end(command_id, OutboundState.FAILED, code="parked", reason=reason)
    failed = MessageFailed(
        command_id=command_id,
        chat_id=found.chat_id,
        integration_id=found.integration_id,
        code="parked",
        reason=reason,
    )
    outbox.add(failed, tenant=found.tenant)
