"""What became of commands, as the rows and the events that say so."""

from common.contracts import (
    DeleteMessage,
    EditMessage,
    Event,
    MarkRead,
    MessageDeleted,
    MessageEdited,
    MessageFailed,
    MessageSent,
    Typing,
)
from whatsapp_service.domain.model import Outbound, OutboundState
from whatsapp_service.domain.model.outgoing import kind_of, words_of
from whatsapp_service.domain.ports import (
    Context,
    Lease,
    Outbounds,
    Outbox,
)

_FAILED = frozenset({OutboundState.FAILED, OutboundState.CANCELLED, OutboundState.GIVEN_UP})
NEVER_KNOWN = (
    "outcome_unknown",
    (
        "Evolution broke off while it was sending this, and nobody could tell since whether it "
        "was sent. Look at the chat on the phone before you send it again."
    ),
)


def outcome_of(outbound: Outbound) -> list[Event]:
    """Say how a command ended; nothing while it has not, or when its end is told to nobody."""
    if outbound.state in _FAILED:
        return [failed_event(outbound, outbound.code or "", outbound.reason or "")]
    if outbound.state is not OutboundState.SENT:
        return []
    acted = acted_event(outbound)
    if acted is not None:
        return [acted]
    return [sent_event(outbound, place) for place in range(len(outbound.sent_ids))]


def sent_event(outbound: Outbound, place: int) -> MessageSent:
    """Say that a part is out."""
    part = outbound.parts[place]
    assert not isinstance(part, EditMessage | DeleteMessage | MarkRead | Typing)  # noqa: S101 - acts have no parts that are sent
    split = len(outbound.parts) > 1
    return MessageSent(
        message_id=outbound.sent_ids[place],
        chat_id=outbound.chat_id,
        integration_id=outbound.integration_id,
        command_id=outbound.command_id,
        kind=kind_of(part),
        text=words_of(part),
        part=place + 1 if split else None,
        parts=len(outbound.parts) if split else None,
        sent_at=outbound.sent_at or outbound.created_at,
    )


def acted_event(outbound: Outbound) -> Event | None:
    """Say that a message was edited or deleted; reading and typing are told to nobody."""
    content = outbound.content
    match content:
        case EditMessage():
            return MessageEdited(
                message_id=content.message_id,
                chat_id=outbound.chat_id,
                integration_id=outbound.integration_id,
                command_id=outbound.command_id,
                text=content.text,
                from_me=True,
                edited_at=outbound.sent_at,
            )
        case DeleteMessage():
            return MessageDeleted(
                message_id=content.message_id,
                chat_id=outbound.chat_id,
                integration_id=outbound.integration_id,
                command_id=outbound.command_id,
                from_me=True,
                deleted_at=outbound.sent_at,
            )
        case _:
            return None


def failed_event(outbound: Outbound, code: str, reason: str) -> MessageFailed:
    """Say why a command is not carried out, and what of it was."""
    done, parts = len(outbound.sent_ids), len(outbound.parts)
    if done:
        reason = f"{reason} ({done} of {parts} parts were sent.)"
    return MessageFailed(
        command_id=outbound.command_id,
        chat_id=outbound.chat_id,
        integration_id=outbound.integration_id,
        code=code,
        reason=reason,
    )


async def end_badly(
    outbounds: Outbounds,
    outbox: Outbox,
    outbound: Outbound,
    state: OutboundState,
    why: tuple[str, str],
) -> None:
    """Note that a command failed, or that nobody knows, and tell who asked for it."""
    code, reason = why
    await outbounds.end(outbound.command_id, state, code=code, reason=reason)
    outbox.add(failed_event(outbound, code, reason), tenant=outbound.tenant)


async def fail(context: Context, outbound: Outbound, why: tuple[str, str], lease: Lease) -> None:
    """Give up on what was certainly not sent; the lane goes on."""
    await end_badly(context.outbound, context.outbox, outbound, OutboundState.FAILED, why)
    await lease.finish(context)


async def give_up(context: Context, outbound: Outbound, lease: Lease) -> None:
    """Stop asking what became of a call: a human is told, and it is never made again."""
    state = OutboundState.GIVEN_UP
    await end_badly(context.outbound, context.outbox, outbound, state, NEVER_KNOWN)
    await lease.finish(context)
