"""The lanes: answer the turns that are due."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from agent_service.domain.ports import Context
from agent_service.domain.usecases.answer import Answering
from common.contracts import ConversationId
from common.db import Database
from common.lanes import DONE, Done, Job, LaneWorker, Queue, finish_within


@dataclass(frozen=True, slots=True)
class JobLease:
    """Our hold on one conversation's lane."""

    queue: Queue
    job: Job

    @property
    def attempts(self) -> int:
        """How often this turn has failed before."""
        return self.job.attempts

    @property
    def waiting_since(self) -> datetime:
        """When the turn was opened."""
        return self.job.enqueued_at

    async def finish(self, context: Context) -> None:
        """Take the turn off its lane in this transaction."""
        await finish_within(context.connection, self.queue, self.job)


def answering(
    database: Database, queue: Queue, use: Answering, *, lease: timedelta, concurrency: int
) -> LaneWorker:
    """Make the worker that answers, one turn of a conversation at a time."""
    leased = replace(queue, lease=lease)

    async def answer(job: Job) -> Done:
        conversation = ConversationId(job.payload.decode())
        await use.answer(job.command_id, conversation, JobLease(leased, job))
        return DONE

    return LaneWorker(database, leased, answer, concurrency=concurrency)
