"""Send one message: never twice, never lost, and never ahead of the one before it.

The lane gives us the head of a chat and nobody else has it. Each call to the provider is noted
before it is made, so whoever comes after a crash knows that its outcome is unknown, and asks
the provider what it did before doing anything again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from common.contracts import (
    CommandId,
    ConnectionState,
    MessageFailed,
    MessageKind,
    MessageSent,
)
from common.errors import NeedsOperator, OutcomeUnknown, Permanent, Transient, Unavailable
from whatsapp_service.domain.model import (
    CLOCK_SKEW,
    Integration,
    Outbound,
    OutboundState,
    SentMessage,
)
from whatsapp_service.domain.ports import (
    Clock,
    Context,
    Lease,
    MessageKey,
    Opener,
    Provider,
    StoredMessage,
)
from whatsapp_service.domain.usecases.messages import delivery_of

_CANNOT_SEND = {
    ConnectionState.CLOSED,
    ConnectionState.NEEDS_SCAN,
    ConnectionState.REFUSED,
    ConnectionState.QR,
}
_AWAY = timedelta(seconds=5)
_OPERATOR = timedelta(seconds=60)
"""How long a lane waits when only a person can help (a key, a licence): each call is refused."""


@dataclass(frozen=True, slots=True)
class Sender:
    """The one place from which messages leave."""

    open_context: Opener
    provider: Provider
    now: Clock
    settle_after: timedelta
    """How long after a call began the provider may still be carrying it out."""

    async def send(self, command_id: CommandId, lease: Lease) -> None:
        """Send the message of a command, or learn that it was sent.

        Raises:
            Transient: not now; the lane waits.
            LeaseLost: another worker has the lane; nothing was written.
        """
        plan = await self._plan(command_id, lease)
        if plan is None:
            return
        outbound, integration, jids = plan
        if outbound.is_unsettled():
            sent = await self._settle(outbound, integration, jids)
            if sent is not None:
                await self._record(outbound, sent, lease)
                return
            if _expired(outbound, self.now()):
                async with self.open_context() as context:
                    await self._fail(context, outbound, *_TOO_LATE, lease)
                return
        await self._attempt(outbound, integration, jids[0], lease)

    async def _plan(
        self, command_id: CommandId, lease: Lease
    ) -> tuple[Outbound, Integration, list[str]] | None:
        """Read what is to be done; None when it is done, or must no longer be."""
        async with self.open_context() as context:
            outbound = await context.outbound.get(command_id)
            if outbound is None or outbound.state in _ENDED:
                await lease.finish(context)
                return None
            integration = await context.integrations.get(outbound.integration_id)
            jids = await context.chats.addresses(outbound.chat_id)
            if integration is None or not jids:
                await self._fail(context, outbound, "deleted", "the number was removed", lease)
                return None
            if outbound.is_unsettled():
                return outbound, integration, jids
            if _expired(outbound, self.now()):
                await self._fail(context, outbound, *_TOO_LATE, lease)
                return None
            if integration.state in _CANNOT_SEND:
                raise Unavailable(f"the number is {integration.state}", retry_after=_AWAY)
            if not outbound.typing_ms:
                await self._begin(context, outbound, lease)
        return outbound, integration, jids

    async def _settle(
        self, outbound: Outbound, integration: Integration, jids: list[str]
    ) -> SentMessage | None:
        """Find out how an earlier call ended; None when it certainly did not send.

        Raises:
            Transient: the provider may still be at it; ask again later.
        """
        async with self.open_context() as context:
            told = await context.outbound.echo_of(outbound)
        if told is not None:
            return told
        began = outbound.attempt_at or outbound.created_at
        # Read before we ask: what is carried out between the answer and now would be missed.
        left = began + self.settle_after - self.now()
        try:
            found = await self.provider.find_sent(
                integration, jids, text=outbound.text, since=began - CLOCK_SKEW
            )
        except Permanent as error:
            # It did not say what it sent, which is no reason to send again, or to give up.
            raise Unavailable(f"{error.code}: {error}", retry_after=_OPERATOR) from error
        async with self.open_context() as context:
            mine = await context.outbound.unclaimed(integration.id, found)
        if mine is not None:
            return mine
        if left > timedelta(0):
            raise Unavailable("waiting to learn how the last call ended", retry_after=left)
        return None

    async def _attempt(
        self, outbound: Outbound, integration: Integration, jid: str, lease: Lease
    ) -> None:
        if outbound.typing_ms or outbound.is_unsettled():
            await self.provider.show_typing(integration, jid, outbound.typing_ms)
            async with self.open_context() as context:
                await self._begin(context, outbound, lease)
        try:
            sent = await self.provider.send_text(integration, jid, outbound.text)
        except OutcomeUnknown:
            await self._note(outbound, OutboundState.UNKNOWN, lease)
            raise
        except Transient:
            await self._note(outbound, OutboundState.QUEUED, lease)
            raise
        except NeedsOperator as error:
            await self._note(outbound, OutboundState.QUEUED, lease)
            raise Unavailable(
                f"{error.code}: {error} {error.hint}", retry_after=_OPERATOR
            ) from error
        except Permanent as error:
            async with self.open_context() as context:
                await self._fail(context, outbound, error.code, str(error), lease)
            return
        await self._record(outbound, sent, lease)

    async def _begin(self, context: Context, outbound: Outbound, lease: Lease) -> None:
        """Write down, before the call, that its outcome will be unknown until it is known."""
        await lease.confirm(context)
        await context.outbound.begin_attempt(outbound.command_id, self.now())

    async def _note(self, outbound: Outbound, state: OutboundState, lease: Lease) -> None:
        """Write down how the call ended, unless another worker has the lane and knows better."""
        async with self.open_context() as context:
            await lease.confirm(context)
            await context.outbound.end(outbound.command_id, state)

    async def _record(self, outbound: Outbound, sent: SentMessage, lease: Lease) -> None:
        """Write down that it was sent, and what was learned of it before we knew."""
        event = MessageSent(
            message_id=sent.message_id,
            chat_id=outbound.chat_id,
            integration_id=outbound.integration_id,
            command_id=outbound.command_id,
            kind=MessageKind.TEXT,
            text=outbound.text,
            sent_at=sent.sent_at,
        )
        async with self.open_context() as context:
            key = MessageKey(outbound.integration_id, sent.message_id)
            await context.messages.store([_row(outbound, event)])
            await context.outbound.end(outbound.command_id, OutboundState.SENT, sent=sent)
            context.outbox.add(event, tenant=outbound.tenant)
            status = (await context.messages.deliveries([key])).get(key)
            if status is not None:
                context.outbox.add(delivery_of(event, status), tenant=outbound.tenant)
            await lease.finish(context)

    async def _fail(
        self, context: Context, outbound: Outbound, code: str, reason: str, lease: Lease
    ) -> None:
        await context.outbound.end(
            outbound.command_id, OutboundState.FAILED, code=code, reason=reason
        )
        failed = MessageFailed(
            command_id=outbound.command_id,
            chat_id=outbound.chat_id,
            integration_id=outbound.integration_id,
            code=code,
            reason=reason,
        )
        context.outbox.add(failed, tenant=outbound.tenant)
        await lease.finish(context)


_ENDED = {OutboundState.SENT, OutboundState.FAILED, OutboundState.CANCELLED}
_TOO_LATE = ("expired", "its time had passed")


def _expired(outbound: Outbound, now: datetime) -> bool:
    return outbound.expires_at is not None and outbound.expires_at <= now


def _row(outbound: Outbound, event: MessageSent) -> StoredMessage:
    return StoredMessage(
        key=MessageKey(outbound.integration_id, event.message_id),
        tenant=outbound.tenant,
        chat_id=outbound.chat_id,
        outgoing=True,
        kind=event.kind,
        text=event.text,
        content=event.model_dump_json(exclude_none=True).encode(),
        sent_at=event.sent_at,
        command_id=outbound.command_id,
    )
