"""What an operator may do with lanes: see what waits and why, hold, resume, drop the head."""

from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

from common.db import Connection, Sql
from common.errors import Conflict, NotFound
from common.lanes.jobs import ParkedJob

# The lanes of the page first: a head is looked for in these only.
_WAITING = Sql("""
    select l.queue, l.key, l.tenant_id, l.pending, l.attempts, l.leased, l.held_reason, l.due_at,
           job.command_id, job.last_error, job.enqueued_at
    from (
        select * from lane
        where pending > 0 and (cast(:only as text) is null or queue = :only)
          and (case when held_reason is null then 'waiting' else 'held' end, due_at, queue, key)
              > (cast(:standing as text), :due_at, :queue, :key)
        order by held_reason is null, due_at, queue, key limit :count) l
    left join lateral (
        select * from lane_job j
        where j.queue = l.queue and j.lane_key = l.key and j.seq >= l.head_seq
          and j.state = 'queued'
        order by j.seq limit 1) as job on true
    order by l.held_reason is null, l.due_at, l.queue, l.key""")
_PARKED = Sql("""
    select queue, lane_key as key, tenant_id, seq, command_id, last_error, enqueued_at
    from lane_job
    where state = 'parked' and (cast(:queue as text) is null or queue = :queue)
    order by enqueued_at limit :count""")
_HOLD = Sql("""
    update lane set held_reason = :reason
    where queue = :queue and key = :key and held_reason is null""")
_RESUME = Sql("""
    update lane set held_reason = null, attempts = 0,
        due_at = case when leased then due_at else now() end
    where queue = :queue and key = :key and (held_reason is not null or due_at > now())""")
_DROP_HEAD = Sql("""
    with head as (
        select j.seq from lane_job j join lane l on l.queue = j.queue and l.key = j.lane_key
        where l.queue = :queue and l.key = :key and not l.leased and j.state = 'queued'
        order by j.seq limit 1 for update
    ), moved as (
        update lane l set
            head_seq = head.seq + 1, pending = l.pending - 1, attempts = 0,
            due_at = greatest(now(), (
                select j.due_at from lane_job j
                where j.queue = :queue and j.lane_key = :key and j.seq > head.seq
                  and j.state = 'queued'
                order by j.seq limit 1))
        from head where l.queue = :queue and l.key = :key
    )
    update lane_job j set state = 'parked', last_error = :reason from head
    where j.queue = :queue and j.lane_key = :key and j.seq = head.seq
    returning j.command_id, j.payload, j.tenant_id""")
_NAMED = Sql("select queue from lane where key = :key order by queue")


class LanePlace(NamedTuple):
    """A place in the list of lanes: right behind one of them, as it stood then."""

    standing: str
    """`held`, or `waiting`, which comes behind."""
    due_at: datetime
    queue: str
    key: str

    @classmethod
    def of(cls, lane: dict[str, Any]) -> Self:
        """Give the place behind a lane, as it is listed."""
        standing = "waiting" if lane["held_reason"] is None else "held"
        return cls(standing, lane["due_at"], lane["queue"], lane["key"])


FIRST_LANE = LanePlace("", datetime.min.replace(tzinfo=UTC), "", "")
"""Before all."""


async def waiting_lanes(
    connection: Connection,
    *,
    queue: str | None = None,
    count: int = 100,
    after: LanePlace = FIRST_LANE,
) -> list[dict[str, Any]]:
    """List lanes with work from a place on, each with its head job and last error.

    The held ones come first, then those that are due first.
    """
    values = {"only": queue, "count": count, **after._asdict()}
    rows = await connection.execute(_WAITING, values)
    return [dict(row) for row in rows]


async def parked_jobs(
    connection: Connection, *, queue: str | None = None, count: int = 100
) -> list[dict[str, Any]]:
    """List jobs that were given up, oldest first."""
    rows = await connection.execute(_PARKED, {"queue": queue, "count": count})
    return [dict(row) for row in rows]


async def hold_lane(connection: Connection, queue: str, key: str, reason: str) -> None:
    """Stop a lane until it is resumed; its job in hand ends first.

    Raises:
        NotFound: no such lane, or it is held already.
    """
    await _one(connection, _HOLD, queue, key, reason=reason)


async def resume_lane(connection: Connection, queue: str, key: str) -> None:
    """Let a held or waiting lane go on at once.

    Raises:
        NotFound: no such lane, or it is not waiting.
    """
    await _one(connection, _RESUME, queue, key)


async def park_head(connection: Connection, queue: str, key: str, reason: str) -> ParkedJob:
    """Give up on the first job of a lane, so that the next can go; returns what was given up.

    The caller says what becomes of the effect (`WhenParked`). A lane that is held stays held.

    Raises:
        NotFound: no such lane, it is empty, or its head is in hand.
    """
    values = {"queue": queue, "key": key, "reason": reason}
    row = (await connection.execute(_DROP_HEAD, values)).first()
    if row is None:
        raise _not_found(queue, key)
    return ParkedJob(queue, key, row["command_id"], row["payload"], row["tenant_id"], reason)


async def queue_of(connection: Connection, key: str) -> str:
    """Name the queue that has a lane of this key.

    Raises:
        NotFound: none has.
        Conflict: several have; the message names them.
    """
    queues = (await connection.execute(_NAMED, {"key": key})).scalars()
    if not queues:
        raise NotFound(f"There is no lane {key!r}.")
    if len(queues) > 1:
        raise Conflict(f"Several queues have a lane {key!r}: name one of {', '.join(queues)}.")
    return str(queues[0])


async def _one(connection: Connection, statement: Any, queue: str, key: str, **more: str) -> None:
    if await connection.change(statement, {"queue": queue, "key": key, **more}) != 1:
        raise _not_found(queue, key)


def _not_found(queue: str, key: str) -> NotFound:
    return NotFound(f"no lane {key!r} in queue {queue!r} that this applies to")
