"""An operator's command line: lanes and dead letters, and what becomes of a parked message."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from common.bus import KafkaBus, Record, create_topics
from common.bus.dead_letters import dead_letter
from common.bus.records import Partition, Received
from common.contracts import (
    ChatId,
    CommandId,
    Envelope,
    EventId,
    IntegrationId,
    SendMessage,
    TenantId,
    Text,
    Topic,
    new_id,
    utc_now,
)
from common.db import Database, Sql
from common.errors import InvalidInput
from common.lanes import Job, LaneWorker, claim, retry
from common.service import Parts
from common.testing import base_settings, eventually, running
from whatsapp_service.app.contexts import when_parked
from whatsapp_service.domain.model import OutboundState
from whatsapp_service.repository import SENDS, Beginning, PostgresOutbound, PostgresSendings

pytestmark = pytest.mark.integration
TENANT = TenantId("ten_1")


@dataclass
class Desk:
    """A whatsapp database with three messages in one chat's lane, and the operator's shell."""

    database: Database
    environment: dict[str, str]
    commands: list[CommandId]
    lane: str

    def type(self, *words: str) -> "subprocess.CompletedProcess[str]":
        argv = [sys.executable, "-m", "whatsapp_service", *words]
        return subprocess.run(
            argv, capture_output=True, text=True, check=False, timeout=60, env=self.environment
        )

    async def job(self) -> Job:
        [job] = await claim(self.database, SENDS, 1)
        return job

    async def state(self, n: int) -> tuple[str, str | None]:
        async with self.database.transaction() as connection:
            found = await connection.execute(
                Sql("select state, code from outbound where command_id = :id"),
                {"id": self.commands[n]},
            )
        row = found.one()
        return row["state"], row["code"]

    async def published(self) -> list[str]:
        rows = await self.database.execute(Sql("select headers from outbox order by seq"))
        return [dict(json.loads(row))["ce_type"] for row in rows.scalars()]


def _environment(address: str, kafka: str) -> dict[str, str]:
    given: dict[str, Any] = base_settings("whatsapp", database=address, kafka=kafka)
    shared = {
        "kafka_bootstrap_servers", "internal_trusted_keys", "capability_keyring",
        "object_store_url",
    }  # fmt: skip
    named = {
        (name if name in shared else f"whatsapp_{name}").upper(): (
            value if isinstance(value, str) else json.dumps(value)
        )
        for name, value in given.items()
    }
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        **named,
        "WHATSAPP_EVOLUTION_URL": "http://127.0.0.1:1",
        "WHATSAPP_EVOLUTION_API_KEY": "key",
        "WHATSAPP_AGENT_URL": "http://127.0.0.1:1",
        "WHATSAPP_GATEWAY_PUBLIC_URL": "http://127.0.0.1:1",
    }


@pytest.fixture
async def desk(migrated_database: Callable[[str], str]) -> AsyncGenerator[Desk]:
    address = migrated_database("whatsapp")
    database = Database(address)
    chat = ChatId(new_id("cht"))
    commands = [
        SendMessage(
            command_id=CommandId(new_id("cmd")),
            chat_id=chat,
            integration_id=IntegrationId("int_1"),
            content=Text(text=f"message {n}"),
        )
        for n in range(3)
    ]
    async with database.transaction() as connection:
        await PostgresOutbound(connection).accept(
            [Envelope(EventId(new_id("evt")), TENANT, utc_now(), one, "t") for one in commands]
        )
    ids = [CommandId(one.command_id) for one in commands]
    environment = _environment(address, "127.0.0.1:1")
    yield Desk(database, environment, ids, f"{TENANT}:{chat}")
    await database.close()


async def test_lanes_are_listed_for_people_and_for_machines(desk: Desk) -> None:
    job = await desk.job()
    async with desk.database.transaction() as connection:
        await retry(connection, job, after=timedelta(minutes=5), error="unavailable: 503")
    told = desk.type("lanes", "list")
    assert told.returncode == 0, told.stderr
    head, line = told.stdout.splitlines()
    assert head.split() == ["QUEUE", "KEY", "JOBS", "TRIES", "DUE", "AGE", "STATE", "LAST", "ERROR"]
    assert desk.lane in line
    assert "in 4 min" in line
    assert line.endswith("unavailable: 503")
    [lane] = json.loads(desk.type("lanes", "list", "--queue", "sends", "--json").stdout)
    assert (lane["key"], lane["pending"], lane["attempts"]) == (desk.lane, 3, 1)
    assert json.loads(desk.type("lanes", "list", "--queue", "care", "--json").stdout) == []
    unknown = desk.type("lanes", "list", "--queue", "turns")
    assert unknown.returncode == 2
    assert "choose from 'sends', 'broadcasts', 'care', 'media'" in unknown.stderr
    assert desk.type("lanes", "list", "--held").stdout == "No lane is held.\n"


async def test_a_lane_is_held_and_goes_on(desk: Desk) -> None:
    held = desk.type("lanes", "hold", desk.lane, "--reason", "the customer asked us to wait")
    assert held.returncode == 0, held.stderr
    assert await claim(desk.database, SENDS, 1) == []
    shown = desk.type("lanes", "list", "--held").stdout
    assert "held: the customer asked us to wait" in shown
    twice = desk.type("lanes", "hold", desk.lane, "--reason", "again")
    assert twice.returncode == 1
    assert desk.type("lanes", "resume", desk.lane).returncode == 0
    job = await desk.job()
    assert job.command_id == desk.commands[0]
    assert await desk.state(0) == ("queued", None)


async def test_what_is_not_there_is_a_sentence(desk: Desk) -> None:
    for words in (["resume", "nobody"], ["park", "nobody", "--reason", "x"]):
        told = desk.type("lanes", *words)
        assert (told.returncode, told.stderr) == (1, "There is no lane 'nobody'.\n")
        assert told.stdout == ""


async def test_a_parked_message_has_failed_and_the_next_one_goes(desk: Desk) -> None:
    parked = desk.type("lanes", "park", desk.lane, "--reason", "wrong customer")
    assert parked.returncode == 0, parked.stderr
    assert desk.commands[0] in parked.stdout
    assert await desk.state(0) == ("failed", "parked")
    assert await desk.state(1) == ("queued", None)
    assert await desk.published() == ["whatsapp.message.failed"]
    assert "wrong customer" in desk.type("lanes", "parked").stdout
    assert (await desk.job()).command_id == desk.commands[1]
    in_hand = desk.type("lanes", "park", desk.lane, "--reason", "x")
    assert in_hand.returncode == 1


async def test_a_message_that_may_have_left_is_told_of_when_it_is_parked(desk: Desk) -> None:
    sendings = PostgresSendings(desk.database)
    [found] = await sendings.get(desk.commands[:1])
    assert found is not None
    assert await sendings.begin([Beginning(found.outbound, utc_now())]) == [True]
    assert desk.type("lanes", "park", desk.lane, "--reason", "x").returncode == 0
    assert await desk.state(0) == (OutboundState.GIVEN_UP, "outcome_unknown")
    assert await desk.published() == ["whatsapp.message.failed"]


async def test_a_message_that_the_worker_gives_up_has_failed_too(desk: Desk) -> None:
    async def bug(job: Job) -> None:
        raise ZeroDivisionError

    async with desk.database.transaction() as connection:
        await connection.execute(
            Sql("update lane set attempts = 4 where key = :key"), {"key": desk.lane}
        )
    worker = LaneWorker(desk.database, SENDS, bug, when_parked=when_parked)

    async def given_up() -> bool:
        return await desk.state(0) == ("failed", "parked")

    async with running(Parts(None, [worker])):
        await eventually(given_up)
    assert await desk.published() == ["whatsapp.message.failed"]


async def test_dead_letters_are_listed_and_put_back(desk: Desk, kafka_bootstrap: str) -> None:
    await create_topics(kafka_bootstrap)
    desk.environment["KAFKA_BOOTSTRAP_SERVERS"] = kafka_bootstrap
    event_id, key = new_id("evt"), new_id("cht")
    died = Received(
        Partition(Topic.WHATSAPP_COMMANDS, 7), 41, key, b"{}", [("ce_id", event_id.encode())]
    )
    row = dead_letter("whatsapp", died, InvalidInput("no such chat"), 1)
    headers = [(name, value.encode()) for name, value in row.headers]
    async with KafkaBus(kafka_bootstrap).producer() as producer:
        await producer.publish(Record(row.topic, row.key, row.value, headers))

    def listed() -> dict[str, Any]:
        told = desk.type("dead-letters", "list", "--json")
        [letter] = [one for one in json.loads(told.stdout) if one["id"] == event_id]
        return dict(letter)

    letter = listed()
    assert letter.pop("at")
    assert letter == {
        "id": event_id,
        "key": key,
        "topic": Topic.WHATSAPP_COMMANDS,
        "partition": 7,
        "offset": 41,
        "error": "invalid_input:InvalidInput",
        "reason": "no such chat",
        "attempt": "1",
        "replayed": False,
    }
    told = desk.type("dead-letters", "replay", "--id", event_id)
    assert told.returncode == 0, told.stderr
    assert told.stdout.endswith("In the outbox, which the worker publishes: 1.\n")
    assert listed()["replayed"] is True
    twice = desk.type("dead-letters", "replay", "--key", key)
    assert twice.stdout == "Replayed before, and left alone: 1.\n"
    rows = await desk.database.execute(Sql("select topic, key, value, headers from outbox"))
    topic, put_key, value, put_headers = rows.one()
    assert (topic, put_key, value) == (Topic.WHATSAPP_COMMANDS, key, b"{}")
    assert json.loads(put_headers) == [["ce_id", event_id], ["ce_replayed", "1"]]


async def test_a_replay_says_what_it_cannot_do(desk: Desk, kafka_bootstrap: str) -> None:
    nothing = desk.type("dead-letters", "replay")
    assert nothing.returncode == 2
    assert "--id EVENT_ID, --key KEY, or --all" in nothing.stderr
    away = desk.type("dead-letters", "list")
    assert away.returncode == 1
    assert "Kafka at 127.0.0.1:1 did not answer" in away.stderr
    assert "Traceback" not in away.stderr
    await create_topics(kafka_bootstrap)
    desk.environment["KAFKA_BOOTSTRAP_SERVERS"] = kafka_bootstrap
    unknown = desk.type("dead-letters", "replay", "--id", "evt_nobody")
    assert unknown.returncode == 1
    assert "evt_nobody" in unknown.stderr
