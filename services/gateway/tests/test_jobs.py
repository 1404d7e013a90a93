"""The worker's housekeeping."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

from common.contracts import TenantId
from common.errors import Unavailable
from common.testing import eventually
from gateway_service.domain.model.audit import AuditEntry
from gateway_service.domain.usecases.housekeeping import Tidying, tidy
from gateway_service.jobs import housekeeping


def entry(accounts: Any, days: int) -> AuditEntry:
    at = accounts.now - timedelta(days=days)
    return AuditEntry(str(days), TenantId("ten_a"), at, "cli", "x", "", 200)


async def test_what_is_old_goes_and_what_is_not_stays(accounts: Any, gateway: Any) -> None:
    accounts.lines = [entry(accounts, 401), entry(accounts, 399)]
    tidying = Tidying(
        accounts, gateway.parking, lambda: accounts.now, timedelta(days=400), timedelta(days=14)
    )

    assert await tidy(tidying) == (1, 2)

    assert [line.id for line in accounts.lines] == ["399"]
    assert gateway.parking.purged == [("webhooks", accounts.now - timedelta(days=14))]


async def test_it_goes_on_after_an_outage_and_stops_when_told() -> None:
    runs: list[int] = []

    async def tidy_up() -> tuple[int, int]:
        runs.append(1)
        if len(runs) == 1:
            raise Unavailable("Postgres is away")
        return (0, 0)

    stop = asyncio.Event()
    job = housekeeping(partial(tidy_up), every=0.01)
    running = asyncio.ensure_future(job.run(stop))
    await eventually(lambda: len(runs) > 2, within=5)
    stop.set()
    await asyncio.wait_for(running, 5)

    assert (job.not_ready(), job.stalled()) == (None, None)
