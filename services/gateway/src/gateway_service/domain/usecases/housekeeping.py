"""Forgetting what nobody needs any more."""

from dataclasses import dataclass
from datetime import timedelta

from gateway_service.domain.ports import AuditSink, Clock, Parking
from gateway_service.domain.usecases.webhooks import PARKED


@dataclass(frozen=True, slots=True)
class Tidying:
    """What is tidied, and what is old."""

    audit: AuditSink
    parking: Parking
    now: Clock
    audit_age: timedelta
    parked_age: timedelta


async def tidy(tidying: Tidying) -> tuple[int, int]:
    """Remove a bounded number of old audit lines and parked bodies; returns how many of each.

    Raises:
        Unavailable: the database or the object store is away.
    """
    now = tidying.now()
    lines = await tidying.audit.purge(now - tidying.audit_age)
    bodies = await tidying.parking.purge(PARKED, before=now - tidying.parked_age)
    return lines, bodies
