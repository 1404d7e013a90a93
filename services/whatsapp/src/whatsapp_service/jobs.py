"""The clock and the lanes: send what is due."""

from dataclasses import dataclass

from common.contracts import CommandId
from common.db import Database
from common.lanes import (
    DONE,
    Done,
    Job,
    LaneWorker,
    LeaseLost,
    Queue,
    WhenParked,
    extend,
    finish_within,
)
from whatsapp_service.domain.ports import Context
from whatsapp_service.domain.usecases.send import Sender


@dataclass(frozen=True, slots=True)
class JobLease:
    """Our hold on one chat's lane."""

    queue: Queue
    job: Job

    @property
    def attempts(self) -> int:
        """How often this was tried before."""
        return self.job.attempts

    async def confirm(self, context: Context) -> None:
        """Renew it in this transaction."""
        if self.job.key not in await extend(context.connection, self.queue, [self.job]):
            raise LeaseLost("the chat went to another worker")

    async def finish(self, context: Context) -> None:
        """Take the head off its lane in this transaction."""
        await finish_within(context.connection, self.queue, self.job)


def sending(
    database: Database,
    queue: Queue,
    sender: Sender,
    when_parked: WhenParked,
    *,
    concurrency: int,
) -> LaneWorker:
    """Make the worker that sends, one message of a chat at a time."""

    async def send(job: Job) -> Done:
        await sender.send(CommandId(job.command_id), JobLease(queue, job))
        # The chat's next message is due now, and nobody else would say so.
        worker.nudge()
        return DONE

    worker = LaneWorker(database, queue, send, concurrency=concurrency, when_parked=when_parked)
    return worker
