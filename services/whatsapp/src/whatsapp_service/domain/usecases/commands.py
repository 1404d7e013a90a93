"""What others ask of the sender: queued in the chat's lane, or taken back from it."""

from collections.abc import Sequence

from common.contracts import (
    CancelMessages,
    ChatId,
    Envelope,
    ForgetChat,
    MessageFailed,
    SendMessage,
    TenantId,
)
from common.errors import Conflict, NotFound, ParleyError
from whatsapp_service.domain.model import Outbound
from whatsapp_service.domain.ports import Context
from whatsapp_service.domain.usecases.outcomes import outcome_of


async def accept(
    context: Context, commands: Sequence[Envelope[SendMessage]]
) -> dict[str, ParleyError]:
    """Queue messages to be sent; returns by event id the commands that name nothing of ours.

    The tenant comes from the envelope, and must own the chat: a command cannot reach across. One
    that was handed in before is not queued again; its outcome, if it has one, is told again.
    """
    chats = [(c.tenant, c.event.integration_id, c.event.chat_id) for c in commands]
    owned = await context.chats.owned(chats)
    accepted: list[Envelope[SendMessage]] = []
    refused: dict[str, ParleyError] = {}
    for command, chat in zip(commands, chats, strict=True):
        if chat in owned:
            accepted.append(_in_chat(command, owned[chat]))
        else:
            refused[command.id] = NotFound(f"the tenant has no chat {chat[2]} on this integration")
    found = await context.outbound.accept(accepted)
    for one in found.refused:
        _tell(context, one)
    known = {one.command_id: one for one in found.known}
    for command in accepted:
        before = known.get(command.event.command_id)
        if before is not None and before.tenant != command.tenant:
            refused[command.id] = Conflict("this command id is in use; ids must be random")
        elif before is not None:
            _tell(context, before)
    return refused


def _in_chat(command: Envelope[SendMessage], chat_id: ChatId) -> Envelope[SendMessage]:
    """Address the chat that took over from a merged one, whose lane keeps the order."""
    if command.event.chat_id == chat_id:
        return command
    return command._replace(event=command.event.model_copy(update={"chat_id": chat_id}))


def _tell(context: Context, outbound: Outbound) -> None:
    for event in outcome_of(outbound):
        context.outbox.add(event, tenant=outbound.tenant)


async def cancel(context: Context, tenant: TenantId, command: CancelMessages) -> None:
    """Take back what still waits in a chat; what is being sent is past recall."""
    reason = command.reason or "taken back before it was sent"
    await tell_cancelled(context, tenant, command, code="cancelled", reason=reason)


async def tell_cancelled(
    context: Context, tenant: TenantId, command: CancelMessages, *, code: str, reason: str
) -> None:
    """Take back what still waits, and tell who asked for it why."""
    taken = await context.outbound.cancel(tenant, command, reason=reason, code=code)
    for command_id in taken:
        failed = MessageFailed(
            command_id=command_id,
            chat_id=command.chat_id,
            integration_id=command.integration_id,
            code=code,
            reason=reason,
        )
        context.outbox.add(failed, tenant=tenant)


async def forget(context: Context, tenant: TenantId, command: ForgetChat) -> None:
    """Delete what was said in a chat of the tenant's, and the files that nobody else has."""
    named = (tenant, command.integration_id, command.chat_id)
    chat = (await context.chats.owned([named])).get(named)
    if chat is None:
        return
    everything = CancelMessages(chat_id=chat, integration_id=command.integration_id)
    await tell_cancelled(
        context, tenant, everything, code="cancelled", reason="the chat was forgotten"
    )
    await context.files.discard(tenant, chat, keep=command.keep_files)
    await context.chats.forget(chat)
