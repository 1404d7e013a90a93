"""The lanes: answer the turns that are due, and do what was put off for later."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import orjson

from agent_service.domain.ports import Context, Opener
from agent_service.domain.usecases.answer import Answering
from agent_service.domain.usecases.follow_up import FOLLOW_UP, say_follow_up
from agent_service.domain.usecases.hearing import TRANSCRIBE, Hearing, Recording
from agent_service.domain.usecases.returning import come_back
from agent_service.domain.usecases.sending import SUMMARISE
from agent_service.domain.usecases.states import RETURN
from agent_service.domain.usecases.summarise import Span, Summarising
from common.contracts import AgentId, ConversationId, MessageId, TenantId
from common.db import Database
from common.errors import InvalidInput
from common.lanes import DONE, Done, Job, LaneWorker, LeaseLost, Queue, extend, finish_within


@dataclass(frozen=True, slots=True)
class JobLease:
    """Our hold on one lane."""

    queue: Queue
    job: Job

    @property
    def attempts(self) -> int:
        """How often this job has failed before."""
        return self.job.attempts

    @property
    def waiting_since(self) -> datetime:
        """When the job was queued."""
        return self.job.enqueued_at

    async def confirm(self, context: Context) -> None:
        """Renew it in this transaction."""
        if self.job.key not in await extend(context.connection, self.queue, [self.job]):
            raise LeaseLost("the conversation went to another worker")

    async def finish(self, context: Context) -> None:
        """Take the job off its lane in this transaction."""
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


@dataclass(frozen=True, slots=True)
class ChoreHands:
    """Who does which chore."""

    open_context: Opener
    hearing: Hearing
    summaries: Summarising


def chores(database: Database, queue: Queue, hands: ChoreHands, *, concurrency: int) -> LaneWorker:
    """Make the worker that does chores."""

    async def do(job: Job) -> Done:
        lease, what = JobLease(queue, job), orjson.loads(job.payload)
        conversation = ConversationId(what["conversation"])
        match what["do"]:
            case kind if kind == TRANSCRIBE:
                recording = Recording(
                    TenantId(job.tenant),
                    AgentId(what["agent"]),
                    conversation,
                    MessageId(what["message"]),
                    what["reference"],
                    what["mimetype"],
                    int(what.get("seconds") or 0) or None,
                )
                await hands.hearing.hear(recording, job.attempts, lease.finish)
            case kind if kind == SUMMARISE:
                span = Span(int(what["after"]), int(what["upto"]))
                await hands.summaries.chore(conversation, span, lease.finish, job.attempts)
            case kind if kind == FOLLOW_UP:
                await say_follow_up(
                    hands.open_context, conversation, what["follow_up"], lease.finish
                )
            case kind if kind == RETURN:
                await come_back(hands.open_context, conversation, lease.finish)
            case other:
                raise InvalidInput(f"nobody does the chore {other!r}")
        return DONE

    return LaneWorker(database, queue, do, concurrency=concurrency)
