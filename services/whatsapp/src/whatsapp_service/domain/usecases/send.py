"""Send one message: never twice, never lost, and never ahead of the one before it.

The lane gives us the head of a chat and nobody else has it. Each call to the provider is noted
before it is made, so whoever comes after a crash knows that its outcome is unknown, and asks
the provider what it did before doing anything again.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

from common.contracts import CommandId, ReactionMessage, Text
from common.errors import (
    HeldBack,
    NeedsOperator,
    OutcomeUnknown,
    Permanent,
    Transient,
    Unavailable,
)
from whatsapp_service.domain.model import CLOCK_SKEW, Act, OutboundState, SentMessage
from whatsapp_service.domain.model.outbound import ENDED
from whatsapp_service.domain.model.outgoing import file_of
from whatsapp_service.domain.ports import (
    Clock,
    Lease,
    Messenger,
    Opener,
    OpensFiles,
    PartSent,
    Records,
    Sending,
    Sendings,
)
from whatsapp_service.domain.usecases.acts import act
from whatsapp_service.domain.usecases.outcomes import fail, give_up, sent_event
from whatsapp_service.domain.usecases.parcels import parcel_of, post
from whatsapp_service.domain.usecases.refusals import for_operator, hold_back, refusal_of

_LARGE = 3
"""How many times longer a call may take that carries a file."""
_SLACK = 0.1
"""The part of the settling time that may pass between the note of a call and the call."""


@dataclass(frozen=True, slots=True)
class Waits:
    """How long to be in doubt."""

    settle_after: timedelta
    """How long after a call began the provider may still be carrying it out."""
    give_up_after: timedelta
    """How long to ask what became of a call, until a human is told that nobody knows."""


class _NeverKnown(Exception):
    """Nobody could say in time what became of a call."""


@dataclass(frozen=True, slots=True)
class Sender:
    """The one place from which messages leave."""

    open_context: Opener
    sendings: Sendings
    records: Records
    messenger: Messenger
    files: OpensFiles
    now: Clock
    waits: Waits

    async def send(self, command_id: CommandId, lease: Lease) -> None:
        """Carry a command out, or learn that it was carried out.

        Raises:
            Transient: not now; the lane waits.
            LeaseLost: another worker has the lane; nothing was written.
        """
        sending = await self._plan(command_id, lease)
        if sending is not None and isinstance(sending.outbound.content, Act):
            await act(self.open_context, self.messenger, sending, lease)
            return
        while sending is not None:
            sending = await self._advance(sending, lease)

    async def _plan(self, command_id: CommandId, lease: Lease) -> Sending | None:
        """Read what is to be done; None when it is done, or must no longer be."""
        sending = await self.sendings.get(command_id)
        if sending is None or sending.outbound.state in ENDED:
            async with self.open_context() as context:
                await lease.finish(context)
            return None
        if sending.outbound.is_unsettled() and sending.instance is not None:
            return sending
        refusal = refusal_of(sending, self.now())
        if refusal is not None:
            await self._refuse(sending, refusal, lease)
            return None
        hold_back(sending, self.now(), lease.attempts)
        if isinstance(sending.outbound.content, Act) or _needs_preparing(sending):
            return sending
        return await self._begin(sending, lease)

    async def _refuse(self, sending: Sending, refusal: tuple[str, str], lease: Lease) -> None:
        async with self.open_context() as context:
            if sending.outbound.is_unsettled() and sending.instance is None:
                # Nobody is left who could be asked.
                await give_up(context, sending.outbound, lease)
            else:
                await fail(context, sending.outbound, refusal, lease)

    async def _advance(self, sending: Sending, lease: Lease) -> Sending | None:
        """Send the next part, or learn that it was sent; gives what is left to be done."""
        if sending.outbound.is_unsettled() and sending.begun_at is None:
            try:
                sent = await self._settle(sending)
            except _NeverKnown:
                async with self.open_context() as context:
                    await give_up(context, sending.outbound, lease)
                return None
            if sent is not None:
                return await self._record(sending, sent, lease)
            refusal = refusal_of(sending, self.now())
            if refusal is not None:
                await self._refuse(sending, refusal, lease)
                return None
        sent = await self._attempt(sending, lease)
        return None if sent is None else await self._record(sending, sent, lease)

    async def _settle(self, sending: Sending) -> SentMessage | None:
        """Find out how an earlier call ended; None when it certainly did not send.

        Raises:
            Transient: the provider may still be at it; ask again later.
            _NeverKnown: nobody could say, for as long as we ask.
        """
        outbound = sending.outbound
        async with self.open_context() as context:
            told = await context.outbound.echo_of(outbound)
        if told is not None or isinstance(outbound.part, ReactionMessage):
            # A reaction replaces itself: doing it again is the quickest way to be certain.
            return told
        began = outbound.attempt_at or outbound.created_at
        # Read before we ask: what is carried out between the answer and now would be missed.
        left = began + self._settle_after(sending) - self.now()
        try:
            found = await self.messenger.find_sent(
                sending.instance or "",
                sending.jids,
                content=outbound.part,
                since=began - CLOCK_SKEW,
            )
        except (Permanent, Transient) as error:
            if self.now() - began >= self.waits.give_up_after:
                raise _NeverKnown from error
            if isinstance(error, Transient):
                raise
            # It did not say what it sent, which is no reason to send again.
            raise for_operator(error) from error
        async with self.open_context() as context:
            # The echo may have come while we asked.
            mine = await context.outbound.unclaimed(outbound, found)
        if mine is not None:
            return mine
        if left > timedelta(0):
            raise Unavailable("waiting to learn how the last call ended", retry_after=left)
        return None

    def _settle_after(self, sending: Sending) -> timedelta:
        heavy = file_of(sending.outbound.content) is not None
        return self.waits.settle_after * (_LARGE if heavy else 1)

    async def _attempt(self, sending: Sending, lease: Lease) -> SentMessage | None:
        """Call; None when it failed for good, which is recorded."""
        try:
            return await self._call(sending, lease)
        except OutcomeUnknown:
            await self._note(sending, OutboundState.UNKNOWN, lease)
            raise
        except Transient:
            await self._note(sending, OutboundState.QUEUED, lease)
            raise
        except NeedsOperator as error:
            await self._note(sending, OutboundState.QUEUED, lease)
            raise for_operator(error) from error
        except Permanent as error:
            async with self.open_context() as context:
                await fail(context, sending.outbound, (error.code, str(error)), lease)
        return None

    async def _call(self, sending: Sending, lease: Lease) -> SentMessage:
        """Prepare, note that the call begins, and make it."""
        outbound = sending.outbound
        async with self.files.opened(outbound.tenant, outbound.part) as file:
            parcel = await parcel_of(self.open_context, sending, file)
            if sending.begun_at is None:
                await self.messenger.show_typing(parcel.instance, parcel.jid, _typing(sending))
                sending = await self._begin(sending, lease)
            self._require_awake(sending)
            return await post(self.messenger, parcel, sending.settings.choices)

    async def _begin(self, sending: Sending, lease: Lease) -> Sending:
        """Write down, before the call, that its outcome will be unknown until it is known."""
        now = self.now()
        if not await self.sendings.begin(sending.outbound, now):
            raise lease.lost()
        return replace(sending, begun_at=now)

    def _require_awake(self, sending: Sending) -> None:
        """Make no call that others may believe to be over: a frozen process thaws at any time."""
        if self.now() - (sending.begun_at or self.now()) > self.waits.settle_after * _SLACK:
            held = Unavailable if sending.outbound.sent_ids else HeldBack
            raise held("the worker stalled before the call", retry_after=timedelta(0))

    async def _note(self, sending: Sending, state: OutboundState, lease: Lease) -> None:
        """Write down how the call ended, unless another worker has the lane and knows better."""
        async with self.open_context() as context:
            await lease.confirm(context)
            await context.outbound.end(sending.outbound.command_id, state)

    async def _record(self, sending: Sending, sent: SentMessage, lease: Lease) -> Sending | None:
        """Write down that a part was sent, and what was learned of it before we knew.

        The call for the next part begins in the same transaction, if nothing must precede it.
        """
        after = sending.outbound.sent(sent.message_id, sent.sent_at)
        following = sending.after(after)
        more = after.state is not OutboundState.SENT
        begins = self.now() if more and not _needs_preparing(following) else None
        event = sent_event(after, len(after.sent_ids) - 1)
        content = event.__pydantic_serializer__.to_json(event, exclude_none=True)
        await self.records.part_sent(PartSent(after, sent, event, content, begins), lease)
        return replace(following, begun_at=begins) if more else None


def _needs_preparing(sending: Sending) -> bool:
    """Whether something takes time between reading what is to be done and calling."""
    part = sending.outbound.part
    heavy = file_of(part) is not None or isinstance(part, ReactionMessage)
    return heavy or _typing(sending) > 0


def _typing(sending: Sending) -> int:
    """Give the milliseconds of typing to be shown before the next part."""
    outbound = sending.outbound
    if outbound.typing_ms and not outbound.sent_ids:
        return outbound.typing_ms
    part = outbound.part
    return sending.settings.typing_for(part.text) if isinstance(part, Text) else 0
