"""What many senders want of the database at the same moment, done together.

Each message is noted before its call and recorded after it. One by one that is seven round trips
and two flushes to disk a message; together, with as many as ask while the last ones are written,
a fraction of it. Who asks alone does not wait for anybody.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from common.contracts import CommandId
from common.contracts.trace import current_traceparent
from common.db import Gatherer
from common.lanes import LeaseLost, extend, finish
from whatsapp_service.domain.model import Outbound, OutboundState
from whatsapp_service.domain.ports import Context, Lease, Opener, PartSent, Sending
from whatsapp_service.domain.usecases.messages import delivery_of
from whatsapp_service.jobs import ChatLease
from whatsapp_service.repository import Beginning, PostgresSendings


class GatheredSendings:
    """Reads and notes what is about to be sent, for many senders at once."""

    def __init__(self, sendings: PostgresSendings) -> None:
        self._found: Gatherer[CommandId, Sending | None] = Gatherer(sendings.get)
        self._begun: Gatherer[Beginning, bool] = Gatherer(sendings.begin)

    async def get(self, command_id: CommandId) -> Sending | None:
        """Find a command, with all that must be known to send it."""
        return await self._found.ask(command_id)

    async def begin(self, outbound: Outbound, at: datetime) -> bool:
        """Note that a call begins; False when the command is no longer as it was read."""
        return await self._begun.ask(Beginning(outbound, at))


class _Done(NamedTuple):
    """A part that is out, and the hold on its lane."""

    part: PartSent
    lease: ChatLease
    traceparent: str | None


class GatheredRecords:
    """Writes down what is out, for many senders in one transaction."""

    def __init__(self, open_context: Opener) -> None:
        self._open_context = open_context
        self._written: Gatherer[_Done, None] = Gatherer(self._write)

    async def part_sent(self, part: PartSent, lease: Lease) -> None:
        """Write it down, publish it, and take the command off its lane, in one transaction."""
        assert isinstance(lease, ChatLease)  # noqa: S101 - what our lane worker makes
        await self._written.ask(_Done(part, lease, current_traceparent.get()))

    async def _write(self, batch: Sequence[_Done]) -> Sequence[None]:
        # In the order in which everybody else takes lanes, so that no two wait for each other.
        batch = sorted(batch, key=lambda one: (one.lease.queue.name, one.lease.job.key))
        async with self._open_context() as context:
            came = await context.outbound.parts_sent([one.part for one in batch])
            for part, _, traceparent in batch:
                after, event = part.after, part.event
                context.outbox.add(
                    event, tenant=after.tenant, traceparent=traceparent, encoded=part.content
                )
                status = came.get(after.command_id)
                if status is not None:
                    told = delivery_of(event, status)
                    context.outbox.add(told, tenant=after.tenant, traceparent=traceparent)
            await _release(context, batch)
        return [None] * len(batch)


async def _release(context: Context, batch: Sequence[_Done]) -> None:
    """Take finished commands off their lanes, and keep the lanes of those with parts left.

    Raises:
        LeaseLost: one of the lanes went to another worker.
    """
    for queue in {one.lease.queue.name: one.lease.queue for one in batch}.values():
        mine = [one for one in batch if one.lease.queue == queue]
        ended = [one.lease for one in mine if one.part.after.state is OutboundState.SENT]
        kept = [one.lease.job for one in mine if one.part.after.state is not OutboundState.SENT]
        if kept and len(await extend(context.connection, queue, kept)) < len(kept):
            raise LeaseLost("a lane went to another worker between two parts")
        if not ended:
            continue
        following = await finish(
            context.connection, queue, [(lease.job, lease.goes_on) for lease in ended]
        )
        for lease in ended:
            if lease.job.key not in following:
                raise lease.lost()
        for lease in ended:
            lease.goes_on_with(following[lease.job.key])
