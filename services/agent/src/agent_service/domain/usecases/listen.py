"""What is said in a chat joins its conversation; what the customer says opens a turn."""

from collections.abc import Sequence

from agent_service.domain.model import NewLine, Role, conversation_id
from agent_service.domain.ports import Context
from common.contracts import Envelope, MessageKind, MessageReceived

_SILENT = {MessageKind.REACTION, MessageKind.SYSTEM, MessageKind.UNSUPPORTED, MessageKind.POLL_VOTE}


async def listen(context: Context, received: Sequence[Envelope[MessageReceived]]) -> None:
    """Take in messages of chats that an agent answers; the others are none of ours."""
    lines = [line for envelope in received if (line := _line(envelope)) is not None]
    if not lines:
        return
    waits = await context.agents.quiet_times([line.agent_id for line in lines])
    known = [line for line in lines if line.agent_id in waits]
    await context.conversations.listen(known, waits, context.now())


def _line(envelope: Envelope[MessageReceived]) -> NewLine | None:
    event = envelope.event
    if event.agent_id is None or event.stale or event.group is not None or event.kind in _SILENT:
        return None
    return NewLine(
        conversation=conversation_id(envelope.tenant, event.integration_id, event.chat_id),
        tenant=envelope.tenant,
        agent_id=event.agent_id,
        integration_id=event.integration_id,
        chat_id=event.chat_id,
        message_id=event.message_id,
        role=Role.HUMAN if event.from_me else Role.CUSTOMER,
        # Postgres holds every character but this one.
        text=event.text.replace("\0", "") or f"[{event.kind}]",
        at=event.sent_at,
        traceparent=envelope.traceparent,
    )
