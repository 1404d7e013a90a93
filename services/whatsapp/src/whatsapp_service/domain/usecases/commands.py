"""What others ask of the sender: queued in the chat's lane, or taken back from it."""

from collections.abc import Sequence
from dataclasses import replace

from common.contracts import (
    CancelMessages,
    ChatId,
    Envelope,
    MessageFailed,
    SendMessage,
    TenantId,
)
from common.errors import NotFound, ParleyError
from whatsapp_service.domain.ports import Context


async def accept(
    context: Context, commands: Sequence[Envelope[SendMessage]]
) -> dict[str, ParleyError]:
    """Queue messages to be sent; returns by event id the commands that name nothing of ours.

    The tenant comes from the envelope, and must own the chat: a command cannot reach across.
    """
    chats = [(c.tenant, c.event.integration_id, c.event.chat_id) for c in commands]
    known = await context.chats.owned(chats)
    accepted: list[Envelope[SendMessage]] = []
    refused: dict[str, ParleyError] = {}
    for command, chat in zip(commands, chats, strict=True):
        if chat in known:
            accepted.append(_in_chat(command, known[chat]))
        else:
            refused[command.id] = NotFound(f"the tenant has no chat {chat[2]} on this integration")
    await context.outbound.accept(accepted)
    return refused


def _in_chat(command: Envelope[SendMessage], chat_id: ChatId) -> Envelope[SendMessage]:
    """Address the chat that took over from a merged one, whose lane keeps the order."""
    if command.event.chat_id == chat_id:
        return command
    return replace(command, event=command.event.model_copy(update={"chat_id": chat_id}))


async def cancel(context: Context, tenant: TenantId, command: CancelMessages) -> None:
    """Take back what still waits in a chat; what is being sent is past recall."""
    reason = command.reason or "taken back before it was sent"
    for command_id in await context.outbound.cancel(tenant, command, reason=reason):
        failed = MessageFailed(
            command_id=command_id,
            chat_id=command.chat_id,
            integration_id=command.integration_id,
            code="cancelled",
            reason=reason,
        )
        context.outbox.add(failed, tenant=tenant)
