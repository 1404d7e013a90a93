"""What we said and was never sent: no model may take it for said."""

from agent_service.domain.model import conversation_id
from agent_service.domain.ports import Context
from agent_service.domain.usecases.states import commands_of
from common.contracts import MessageFailed, TenantId

_UNKNOWN = "outcome_unknown"
"""The one failure after which the customer may have read it."""
_LOOK_BACK = 200


async def note_unsent(context: Context, tenant: TenantId, failed: MessageFailed) -> None:
    """Mark the line of a command that will not be carried out; of others' there is none."""
    if failed.code == _UNKNOWN:
        return
    conversation = conversation_id(tenant, failed.integration_id, failed.chat_id)
    lines = await context.conversations.lines(conversation, limit=_LOOK_BACK)
    for command, line in commands_of(lines):
        if command == failed.command_id:
            await context.conversations.unsent(conversation, line.seq)
