"""Edits, deletions, read marks and typing: no messages, and harmless to do again."""

from common.contracts import DeleteMessage, EditMessage, MarkRead, MessageId, Typing
from common.errors import NeedsOperator, Permanent, Transient
from whatsapp_service.domain.model import OutboundState
from whatsapp_service.domain.model.outgoing import target_of
from whatsapp_service.domain.ports import (
    Context,
    Lease,
    MessageKey,
    MessageRef,
    Messenger,
    Opener,
    Sending,
)
from whatsapp_service.domain.usecases.outcomes import acted_event, fail
from whatsapp_service.domain.usecases.parcels import NO_SUCH_TARGET, UnknownTarget, ref_to
from whatsapp_service.domain.usecases.refusals import for_operator

_TYPING_MS = 3_000
_TRIES_OF_A_MARK = 3
"""How often a read mark is tried: nobody waits for it, and what is behind it in the chat does."""


async def act(open_context: Opener, messenger: Messenger, sending: Sending, lease: Lease) -> None:
    """Carry out an act; what it changes and says is written with the end of its job.

    Nothing is noted before the call: after a crash, or an answer that never came, it is repeated.

    Raises:
        Transient: not now; the lane waits.
    """
    outbound = sending.outbound
    try:
        await _perform(open_context, messenger, sending)
    except NeedsOperator as error:
        raise for_operator(error) from error
    except Permanent as error:
        async with open_context() as context:
            await fail(context, outbound, (error.code, str(error)), lease)
        return
    except Transient as error:
        if not isinstance(outbound.content, MarkRead) or lease.attempts < _TRIES_OF_A_MARK:
            raise
        async with open_context() as context:
            await fail(context, outbound, (error.code, f"Tried too often: {error}"), lease)
        return
    async with open_context() as context:
        await _record(context, sending)
        await lease.finish(context)


async def _perform(open_context: Opener, messenger: Messenger, sending: Sending) -> None:
    content, instance = sending.outbound.content, sending.instance or ""
    targets = await _targets(open_context, sending)
    match content:
        case Typing():
            shown = sending.outbound.typing_ms or _TYPING_MS
            await messenger.show_typing(instance, sending.jids[0], shown)
        case MarkRead():
            await messenger.mark_read(instance, targets)
        case EditMessage(text=text):
            await messenger.edit(instance, targets[0], text)
        case DeleteMessage():
            await messenger.delete(instance, targets[0])


async def _targets(open_context: Opener, sending: Sending) -> list[MessageRef]:
    """Find what the act is about: of read marks what is known, of the others all of it."""
    wanted = target_of(sending.outbound.content)
    if not wanted:
        return []
    async with open_context() as context:
        known = await context.outbound.targets(sending.outbound, wanted)
    marks = isinstance(sending.outbound.content, MarkRead)
    # Only what others wrote can be read, only what we wrote can be changed.
    found = [one for one in wanted if one in known and known[one].outgoing is not marks]
    if not found:
        raise UnknownTarget(NO_SUCH_TARGET)
    refs = [ref_to(sending, one, known[one]) for one in found]
    return [_by_phone(ref, sending) for ref in refs] if marks else refs


def _by_phone(ref: MessageRef, sending: Sending) -> MessageRef:
    """Name the chat by phone where we can: Evolution 2.3 silently drops read marks for a LID."""
    jid = next((one for one in sending.jids if not one.endswith("@lid")), ref.remote_jid)
    return MessageRef(jid, ref.message_id, ref.from_me)


async def _record(context: Context, sending: Sending) -> None:
    outbound, now = sending.outbound, context.now()
    await context.outbound.end(outbound.command_id, OutboundState.SENT, at=now)
    content = outbound.content
    if isinstance(content, EditMessage):
        await context.messages.edit(_key(sending, content.message_id), content.text, now)
    if isinstance(content, DeleteMessage):
        await context.messages.delete(_key(sending, content.message_id), now)
    event = acted_event(outbound.acted(now))
    if event is not None:
        context.outbox.add(event, tenant=outbound.tenant)


def _key(sending: Sending, message_id: MessageId) -> MessageKey:
    return MessageKey(sending.outbound.integration_id, message_id)
