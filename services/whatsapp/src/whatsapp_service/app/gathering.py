"""What many senders want of the database at the same moment, done together.

Each message is noted before its call and recorded after it. One by one that is seven round trips
and two flushes to disk a message; together, with as many as ask while the last ones are written,
a fraction of it. Who asks alone does not wait for anybody.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from common.contracts import CommandId
from common.contracts.trace import current_traceparent
from common.lanes import LeaseLost, extend, finish
from whatsapp_service.domain.model import Outbound, OutboundState
from whatsapp_service.domain.ports import Context, Lease, Opener, PartSent, Sending
from whatsapp_service.domain.usecases.messages import delivery_of
from whatsapp_service.jobs import ChatLease
from whatsapp_service.repository import Beginning, PostgresSendings

I = TypeVar("I")  # noqa: E741 - input and output
O = TypeVar("O")  # noqa: E741 - input and output
_MOST = 100


class Gatherer(Generic[I, O]):
    """Does one thing after the other, each for all who have asked by then."""

    def __init__(self, work: Callable[[list[I]], Awaitable[Sequence[O | Exception]]]) -> None:
        self._work = work
        self._waiting: list[tuple[I, asyncio.Future[O]]] = []
        self._working: asyncio.Task[None] | None = None

    async def ask(self, item: I) -> O:
        """Have it done; raises what doing it raised."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[O] = loop.create_future()
        self._waiting.append((item, future))
        if self._working is None:
            self._working = loop.create_task(self._until_nobody_waits())
        return await future

    async def _until_nobody_waits(self) -> None:
        try:
            while batch := self._next_batch():
                for (_, future), result in zip(batch, await self._results(batch), strict=True):
                    if future.done():
                        continue
                    if isinstance(result, Exception):
                        future.set_exception(result)
                    else:
                        future.set_result(result)
        finally:
            self._working = None

    def _next_batch(self) -> list[tuple[I, asyncio.Future[O]]]:
        # Who was stopped meanwhile no longer wants it.
        waiting = [one for one in self._waiting if not one[1].cancelled()]
        self._waiting = waiting[_MOST:]
        return waiting[:_MOST]

    async def _results(self, batch: list[tuple[I, "asyncio.Future[O]"]]) -> Sequence[O | Exception]:
        try:
            return await self._work([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - whoever asked gets it, and none hangs
            return [error] * len(batch)


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

    async def _write(self, batch: list[_Done]) -> Sequence[Exception | None]:
        try:
            await self._together(batch)
        except LeaseLost as error:
            if len(batch) == 1:
                return [error]
            # One of them had lost its lane, and must cost the others nothing.
            return [result for one in batch for result in await self._write([one])]
        return [None] * len(batch)

    async def _together(self, batch: Sequence[_Done]) -> None:
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
