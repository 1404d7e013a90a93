"""What we said and was never sent: no model may take it for said."""

from collections import Counter

from agent_service.domain.model import Line, command_id, conversation_id
from agent_service.domain.ports import Context
from common.contracts import CommandId, MessageFailed, RunId, TenantId

_UNKNOWN = "outcome_unknown"
"""The one failure after which the customer may have read it."""
_LOOK_BACK = 200


async def note_unsent(context: Context, tenant: TenantId, failed: MessageFailed) -> None:
    """Mark the line of a command that will not be carried out; of others' there is none."""
    if failed.code == _UNKNOWN:
        return
    conversation = conversation_id(tenant, failed.integration_id, failed.chat_id)
    lines = await context.conversations.lines(conversation, limit=_LOOK_BACK)
    seq = _line_of(failed.command_id, lines)
    if seq is not None:
        await context.conversations.unsent(conversation, seq)


def _line_of(command: CommandId, newest_first: list[Line]) -> int | None:
    bubbles: Counter[str] = Counter()
    for line in reversed(newest_first):
        if str(line.message_id) == command:
            return line.seq
        if line.run is not None:
            if command_id(RunId(line.run), bubbles[line.run]) == command:
                return line.seq
            bubbles[line.run] += 1
    return None
