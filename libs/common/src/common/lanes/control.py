"""What an operator may do with lanes: see what waits and why, hold, resume, drop the head."""

from typing import Any

from common.db import Connection, Sql
from common.errors import NotFound
from common.lanes import statements as sql

_WAITING = Sql(sql.WAITING)
_PARKED = Sql(sql.PARKED)
_HOLD = Sql(sql.HOLD)
_RESUME = Sql(sql.RESUME)
_DROP_HEAD = Sql(sql.DROP_HEAD)


async def waiting_lanes(
    connection: Connection, *, queue: str | None = None, count: int = 100
) -> list[dict[str, Any]]:
    """List lanes with work, the held ones first, each with its head job and last error."""
    rows = await connection.execute(_WAITING, {"queue": queue, "count": count})
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


async def park_head(connection: Connection, queue: str, key: str, reason: str) -> None:
    """Give up on the first job of a lane, so that the next can go.

    Raises:
        NotFound: no such lane, it is empty, or its head is in hand.
    """
    await _one(connection, _DROP_HEAD, queue, key, reason=reason)


async def _one(connection: Connection, statement: Any, queue: str, key: str, **more: str) -> None:
    if await connection.change(statement, {"queue": queue, "key": key, **more}) != 1:
        raise NotFound(f"no lane {key!r} in queue {queue!r} that this applies to")
