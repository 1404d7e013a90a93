"""The clock and the lanes: send what is due."""

from dataclasses import dataclass, field

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


@dataclass(frozen=True)
class JobLease:
    """Our hold on one lane."""

    queue: Queue
    job: Job

    @property
    def attempts(self) -> int:
        """How often this was tried before."""
        return self.job.attempts

    def lost(self) -> Exception:
        """Make the error that says that another worker has the lane."""
        return LeaseLost("the lane went to another worker")

    async def confirm(self, context: Context) -> None:
        """Renew it in this transaction."""
        if self.job.key not in await extend(context.connection, self.queue, [self.job]):
            raise self.lost()

    async def finish(self, context: Context) -> None:
        """Take the head off its lane in this transaction."""
        await finish_within(context.connection, self.queue, self.job)


@dataclass(frozen=True)
class ChatLease(JobLease):
    """Our hold on one chat's lane, which goes over to the chat's next message if there is one."""

    goes_on: bool
    following: list[Job] = field(default_factory=list)

    async def finish(self, context: Context) -> None:
        """Take the head off its lane in this transaction, and lease the next with it."""
        following = await finish_within(context.connection, self.queue, self.job, more=self.goes_on)
        self.goes_on_with(following)

    def goes_on_with(self, following: Job | None) -> None:
        """Note which job the lane goes on with; should it be told twice, the last word counts."""
        self.following[:] = [following] if following is not None else []


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
        lease = ChatLease(queue, job, worker.may_go_on(job))
        await sender.send(CommandId(job.command_id), lease)
        if lease.following:
            return Done(lease.following[0])
        # The chat's next message may be due, and nobody else would say so.
        worker.nudge()
        return DONE

    worker = LaneWorker(database, queue, send, concurrency=concurrency, when_parked=when_parked)
    return worker
