"""`lanes list | parked | resume | hold | park`: what an operator does with durable work."""

import argparse
from typing import Any

from common.contracts import utc_now
from common.db import Connection
from common.lanes import (
    hold_lane,
    park_head,
    parked_jobs,
    queue_of,
    resume_lane,
    waiting_lanes,
)
from common.service.columns import ago, as_json, say, table
from common.service.command_database import command_database
from common.service.definition import Service, resolve
from common.settings import load
from common.telemetry import configure

_LANES = ("QUEUE", "KEY", "JOBS", "TRIES", "DUE", "AGE", "STATE", "LAST ERROR")
_PARKED = ("QUEUE", "KEY", "JOB", "AGE", "REASON")


async def run(arguments: argparse.Namespace) -> int:
    """Do one action in one transaction.

    Raises:
        NotFound: no lane that this applies to.
        Conflict: several queues have a lane of this key, and none was named.
        Unavailable: Postgres is away.
    """
    service: Service[Any] = arguments.service
    settings = load(service.settings())
    configure(service.name, settings)
    async with (
        command_database(service.name, settings) as database,
        database.transaction() as connection,
    ):
        lines = await _ACTIONS[arguments.action](connection, arguments)
    say(*lines)
    return 0


async def _list(connection: Connection, arguments: argparse.Namespace) -> list[str]:
    lanes = await waiting_lanes(connection, queue=arguments.queue, count=arguments.count)
    # The held ones come first, so that none is missing here because of `count`.
    shown = [one for one in lanes if one["held_reason"] is not None or not arguments.held]
    if arguments.json:
        return [as_json(shown)]
    if shown:
        return table(_LANES, [_lane(one) for one in shown])
    return ["No lane is held." if arguments.held else "No lane has work."]


def _lane(one: dict[str, Any]) -> tuple[Any, ...]:
    now = utc_now()
    due = "now" if one["due_at"] <= now else ago(one["due_at"], now)
    state = "waiting"
    if one["held_reason"] is not None:
        due, state = "", f"held: {one['held_reason']}"
    elif one["leased"]:
        due, state = "", "in hand"
    waits = ago(one["enqueued_at"], now)
    tries = one["attempts"]
    return one["queue"], one["key"], one["pending"], tries, due, waits, state, one["last_error"]


async def _parked(connection: Connection, arguments: argparse.Namespace) -> list[str]:
    jobs = await parked_jobs(connection, queue=arguments.queue, count=arguments.count)
    if arguments.json:
        return [as_json(jobs)]
    if not jobs:
        return ["No job is parked."]
    now = utc_now()
    rows = [
        (j["queue"], j["key"], j["command_id"], ago(j["enqueued_at"], now), j["last_error"])
        for j in jobs
    ]
    return table(_PARKED, rows)


async def _resume(connection: Connection, arguments: argparse.Namespace) -> list[str]:
    queue = arguments.queue or await queue_of(connection, arguments.key)
    await resume_lane(connection, queue, arguments.key)
    return [f"The lane {arguments.key} of {queue} goes on."]


async def _hold(connection: Connection, arguments: argparse.Namespace) -> list[str]:
    queue = arguments.queue or await queue_of(connection, arguments.key)
    await hold_lane(connection, queue, arguments.key, arguments.reason)
    return [f"The lane {arguments.key} of {queue} is held until it is resumed."]


async def _park(connection: Connection, arguments: argparse.Namespace) -> list[str]:
    queue = arguments.queue or await queue_of(connection, arguments.key)
    job = await park_head(connection, queue, arguments.key, arguments.reason)
    if arguments.when_parked is not None:
        await resolve(arguments.when_parked)(connection, job)
    return [f"The job {job.command_id} is parked; it will not run. A held lane stays held."]


_ACTIONS = {"list": _list, "parked": _parked, "resume": _resume, "hold": _hold, "park": _park}
