"""What a lane holds, and how a queue of lanes behaves."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from common.db import Connection
from common.errors import ParleyError


@dataclass(frozen=True, slots=True)
class NewJob:
    """Work to be done after everything else in its lane."""

    key: str
    """The lane: work with the same key is done one at a time, in order."""
    command_id: str
    """Unique in the queue: the same command twice waits once."""
    payload: bytes
    tenant: str
    due_at: datetime | None = None
    """Not before this time; None for at once."""
    pace_key: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """The head of a lane, leased to this worker."""

    queue: str
    key: str
    seq: int
    token: int
    """The fence: a worker whose token is old changes nothing."""
    command_id: str
    payload: bytes
    tenant: str
    attempts: int
    """How often it failed or was cut off before."""
    interrupted: bool
    """The worker before us died in the middle: what it did is unknown."""
    enqueued_at: datetime
    leased_at: datetime
    """When it was handed to us, by the clock of the database."""
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class ParkedJob:
    """A job that was given up and taken off its lane."""

    queue: str
    key: str
    command_id: str
    payload: bytes
    tenant: str
    reason: str


WhenParked = Callable[[Connection, ParkedJob], Awaitable[None]]
"""Puts right what a job that will never run was to do, in the transaction that parks it."""


@dataclass(frozen=True, slots=True)
class Queue:
    """One kind of work and its rules."""

    name: str
    lease: timedelta = timedelta(seconds=30)
    """How long a silent worker is believed to be alive."""
    when_parked: Literal["hold", "skip"] = "skip"
    """After a job that can never be done: hold its lane for a person, or go on."""
    paced: bool = False
    """Whether lanes name a pace (see the `pace` table); paced lanes do one job a claim."""
    max_attempts: int | None = None
    """Park after so many failures; None to try for ever."""
    first_wait: timedelta = timedelta(seconds=1)
    longest_wait: timedelta = timedelta(minutes=5)
    yield_after: int = 10
    """Jobs in a row before a lane steps back, so that a long one starves nobody."""


class LeaseLost(ParleyError):
    """Another worker has this lane now: whatever we were about to write must not be."""

    code = "lease_lost"
