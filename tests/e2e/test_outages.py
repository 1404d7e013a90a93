"""Kafka or Postgres goes away: nothing is lost, nothing dies, nothing needs a restart."""

import asyncio
import os

import pytest

from bench.chaos import dead_letter_count
from bench.ground import Ground, Server
from bench.suite import Suite

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

QUICK = {"quiet_seconds": 0, "typing_ms_per_char": 0}
AWAY_SECONDS = float(os.environ.get("PARLEY_OUTAGE_SECONDS", "12"))
"""Long enough for every deadline to pass; set it to 60 for the minute that we promise."""


def phone(who: int) -> str:
    return f"55119{who:08d}"


async def outage(running: Suite, place: Ground, server: Server) -> None:
    number = await running.connect_number(QUICK)
    await running.write(number, phone(0), "before")
    await running.sent(1)
    pids = [child.process.pid for child in running.children]

    await server.take_away()
    for who in range(1, 11):
        await running.write(number, phone(who), f"during {who}")
    await asyncio.sleep(AWAY_SECONDS)
    await server.give_back()
    await running.write(number, phone(11), "after")

    sent = await running.sent(12, within=120)
    assert sorted(one["text"] for one in sent) == sorted(
        [
            "You said: before",
            *(f"You said: during {n}" for n in range(1, 11)),
            "You said: after",
        ]
    )
    assert await dead_letter_count(place) == 0
    assert [child.process.pid for child in running.children] == pids
    assert all(child.exit_code is None for child in running.children)


async def test_postgres_goes_away(running: Suite, place: Ground) -> None:
    await outage(running, place, place.postgres)


async def test_kafka_goes_away(running: Suite, place: Ground) -> None:
    await outage(running, place, place.kafka)
