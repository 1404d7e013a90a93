"""Every statement about lanes; each takes the caller's connection, so it is in its transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from common.db import Connection, Executes, Sql
from common.lanes import statements as sql
from common.lanes.jobs import Job, LeaseLost, NewJob, Queue

_ENQUEUE = Sql(sql.ENQUEUE)
_CLAIM = Sql(sql.CLAIM)
_CLAIM_PACED = Sql(sql.CLAIM_PACED)
_FINISH = Sql(sql.FINISH)
_FINISH_PACED = Sql(sql.FINISH_PACED)
_EXTEND = Sql(sql.EXTEND)
_RETRY = Sql(sql.RETRY)
_PARK_HOLD = Sql(sql.PARK_HOLD)
_PARK_SKIP = Sql(sql.PARK_SKIP)
_POSTPONE = Sql(sql.POSTPONE)
_CANCEL = Sql(sql.CANCEL)
_NEXT_DUE = Sql(sql.NEXT_DUE)
_NEXT_OPEN = Sql(sql.NEXT_OPEN)
_SET_PACE = Sql(sql.SET_PACE)


async def enqueue(connection: Connection, queue: Queue, jobs: Sequence[NewJob]) -> set[str]:
    """Append jobs to their lanes, in order; returns the command ids that were new.

    One statement. The lane rows stay locked until the caller commits, which makes the order of
    `seq` the order of commits: so enqueue last, and commit soon.
    """
    if not jobs:
        return set()
    rows = await connection.execute(
        _ENQUEUE,
        {
            "queue": queue.name,
            "keys": [job.key for job in jobs],
            "ids": [job.command_id for job in jobs],
            "payloads": [job.payload for job in jobs],
            "tenants": [job.tenant for job in jobs],
            "dues": [job.due_at for job in jobs],
            "paces": [job.pace_key for job in jobs],
            "traces": [job.traceparent for job in jobs],
        },
    )
    return set(rows.scalars())


async def claim(connection: Executes, queue: Queue, count: int) -> list[Job]:
    """Lease up to `count` due lanes, oldest first, and return the head job of each."""
    rows = await connection.execute(
        _CLAIM_PACED if queue.paced else _CLAIM,
        {"queue": queue.name, "count": count, "lease": queue.lease},
    )
    return [_job(queue, row) for row in rows]


async def finish(
    connection: Executes, queue: Queue, done: Sequence[tuple[Job, bool]]
) -> dict[str, Job | None]:
    """Take finished heads off their lanes, in one statement.

    For pairs with True, the lane stays leased and its next job is returned under its key, if
    there is one, it is due, and no pace holds it back. A key that is absent from the answer had
    lost its lease.
    """
    rows = await connection.execute(
        _FINISH_PACED if queue.paced else _FINISH,
        {
            "queue": queue.name,
            "keys": [job.key for job, _ in done],
            "seqs": [job.seq for job, _ in done],
            "tokens": [job.token for job, _ in done],
            "more": [more for _, more in done],
            "lease": queue.lease,
        },
    )
    return {row["key"]: _job(queue, row) if row["seq"] is not None else None for row in rows}


async def finish_within(
    connection: Connection, queue: Queue, job: Job, *, more: bool = False
) -> Job | None:
    """Finish a job in the transaction of its effect; with `more`, gives the next as `finish` does.

    Raises:
        LeaseLost: another worker has the lane; the transaction must roll back.
    """
    following = await finish(connection, queue, [(job, more)])
    if job.key not in following:
        raise LeaseLost(f"{queue.name}: the lane went to another worker")
    return following[job.key]


async def extend(connection: Connection, queue: Queue, jobs: Sequence[Job]) -> set[str]:
    """Renew the leases of jobs in hand; returns the keys that are still ours."""
    rows = await connection.execute(
        _EXTEND,
        {
            "queue": queue.name,
            "keys": [job.key for job in jobs],
            "tokens": [job.token for job in jobs],
            "lease": queue.lease,
        },
    )
    return set(rows.scalars())


async def retry(
    connection: Connection, job: Job, *, after: timedelta, error: str, untried: bool = False
) -> bool:
    """Put the head back for later: its lane waits, nobody else does; False if not ours.

    What was `untried` has not used up its pace: that opens again when the lane is due.
    """
    values = {
        **_fence(job),
        "seq": job.seq,
        "after": after,
        "error": error[:1000],
        "untried_since": job.leased_at if untried else None,
    }
    return await connection.change(_RETRY, values) == 1


async def park(connection: Connection, queue: Queue, job: Job, *, reason: str) -> bool:
    """Give up on the head; hold its lane for a person or go on, as the queue says."""
    statement = _PARK_HOLD if queue.when_parked == "hold" else _PARK_SKIP
    return (
        await connection.change(statement, {**_fence(job), "seq": job.seq, "reason": reason[:1000]})
        == 1
    )


async def postpone(connection: Connection, queue: Queue, key: str, until: datetime) -> bool:
    """Move a waiting lane's due time; a lane that is being worked on is left alone."""
    return (
        await connection.change(_POSTPONE, {"queue": queue.name, "key": key, "until": until}) == 1
    )


async def cancel(
    connection: Connection, queue: Queue, key: str, command_ids: Sequence[str] | None = None
) -> list[str]:
    """Take queued jobs out of a lane (all, or the named); what is in hand is not touched."""
    rows = await connection.execute(
        _CANCEL,
        {
            "queue": queue.name,
            "key": key,
            "ids": list(command_ids or ()),
            "every": command_ids is None,
        },
    )
    return list(rows.scalars())


async def next_due(connection: Executes, queue: Queue) -> float | None:
    """Seconds until the next lane is due; None when all are empty or held."""
    due: float | None = (await connection.execute(_NEXT_DUE, {"queue": queue.name})).scalar()
    if queue.paced and due == 0:
        # Only now, since it looks at every lane: one that is due may wait for its pace.
        due = (await connection.execute(_NEXT_OPEN, {"queue": queue.name})).scalar()
    return due


async def set_pace(  # noqa: PLR0913 - one argument per column
    connection: Connection,
    key: str,
    *,
    tenant: str,
    gap: timedelta,
    jitter: float = 0.0,
    burst: int = 1,
    budget: int | None = None,
) -> None:
    """Set how far apart jobs under a pace key are, and how many a day of the database may see.

    Of jobs that nobody asked for lately, `burst` may go at once; without a gap all may.
    """
    await connection.execute(
        _SET_PACE,
        {
            "key": key,
            "tenant": tenant,
            "gap": gap,
            "jitter": jitter,
            "burst": burst,
            "budget": budget,
        },
    )


def _fence(job: Job) -> dict[str, Any]:
    return {"queue": job.queue, "key": job.key, "token": job.token}


def _job(queue: Queue, row: Any) -> Job:
    return Job(
        queue=queue.name,
        key=row["key"],
        seq=row["seq"],
        token=row["token"],
        command_id=row["command_id"],
        payload=row["payload"],
        tenant=row["tenant_id"],
        attempts=row["attempts"],
        interrupted=row["interrupted"],
        enqueued_at=row["enqueued_at"],
        leased_at=row["leased_at"],
        traceparent=row["traceparent"],
    )
