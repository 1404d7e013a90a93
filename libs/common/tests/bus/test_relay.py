"""The outbox relay on real Postgres: in order, once a row is committed, whatever fails."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from structlog.testing import capture_logs

from common.bus import InProcessBus, Record, Relay
from common.contracts import CancelMessages, ChatId, IntegrationId, TenantId, Topic
from common.db import Database, Outbox, Sql, create_messaging_tables
from common.errors import TooLarge, Unavailable
from common.testing import eventually

pytestmark = pytest.mark.integration


def _create(connection: Connection) -> None:
    create_messaging_tables(Operations(MigrationContext.configure(connection)))


@pytest.fixture
async def database(fresh_database: str) -> AsyncGenerator[Database]:
    engine = create_async_engine(fresh_database.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.begin() as connection:
        await connection.run_sync(_create)
    await engine.dispose()
    database = Database(fresh_database)
    yield database
    await database.close()


class Moody:
    """A producer that refuses what it is told to."""

    def __init__(self) -> None:
        self.bus = InProcessBus(partitions=1)
        self.away = False
        self.refused: set[str] = set()

    async def publish(self, record: Record, *, deadline: float = 10.0) -> None:
        raise NotImplementedError

    async def publish_all(
        self, records: Sequence[Record], *, deadline: float = 30.0
    ) -> list[Exception | None]:
        outcomes: list[Exception | None] = []
        failed: set[str] = set()
        for record in records:
            body = (record.value or b"").decode()
            if self.away or record.key in failed:
                outcomes.append(Unavailable("away"))
            elif any(word in body for word in self.refused):
                failed.add(record.key)
                outcomes.append(TooLarge("too large"))
            else:
                self.bus.append(record)
                outcomes.append(None)
        return outcomes

    def published(self, key: str) -> list[str]:
        return [
            CancelMessages.model_validate_json(record.value or b"").reason
            for record in self.bus.records(Topic.WHATSAPP_COMMANDS)
            if record.key == key
        ]


async def say(database: Database, relay: Relay | None, key: str, *words: str) -> None:
    async with database.transaction() as connection:
        outbox = Outbox(connection, source="test")
        for word in words:
            event = CancelMessages(
                chat_id=ChatId(key), integration_id=IntegrationId("int_1"), reason=word
            )
            outbox.add(event, tenant=TenantId("ten"))
        await outbox.flush()
    if relay is not None:
        relay.nudge()


@asynccontextmanager
async def relaying(
    url: str, producer: Moody, *, statement_seconds: float = 10.0
) -> AsyncGenerator[Relay]:
    relay, stop = Relay(url, producer, statement_seconds=statement_seconds), asyncio.Event()
    running = asyncio.create_task(relay.run(stop))
    try:
        yield relay
    finally:
        stop.set()
        await running


async def test_rows_are_published_in_order_and_deleted(
    database: Database, fresh_database: str
) -> None:
    producer = Moody()
    await say(database, None, "a", "1", "2")
    async with relaying(fresh_database, producer) as relay:
        await say(database, relay, "a", "3")
        await eventually(lambda: producer.published("a") == ["1", "2", "3"])
    async with database.transaction() as connection:
        assert (await connection.execute(Sql("select count(*) from outbox"))).scalar() == 0


async def test_a_row_that_is_refused_stops_its_key_and_no_other(
    database: Database, fresh_database: str
) -> None:
    producer = Moody()
    producer.refused = {"bad"}
    async with relaying(fresh_database, producer) as relay:
        await say(database, relay, "a", "1", "bad", "2")
        await say(database, relay, "b", "3")
        await say(database, relay, "a", "4")
        await eventually(lambda: producer.published("b") == ["3"])
        await say(database, relay, "b", "5")
        await eventually(lambda: producer.published("b") == ["3", "5"])
        assert producer.published("a") == ["1"]
    producer.refused = set()
    async with database.transaction() as connection:
        await connection.execute(Sql("update outbox set failed_at = null"))
    async with relaying(fresh_database, producer):
        await eventually(lambda: producer.published("a") == ["1", "bad", "2", "4"])


async def test_an_outage_of_the_bus_loses_nothing(database: Database, fresh_database: str) -> None:
    producer = Moody()
    producer.away = True
    async with relaying(fresh_database, producer) as relay:
        await say(database, relay, "a", "1", "2")
        producer.away = False
        await eventually(lambda: producer.published("a") == ["1", "2"])


async def test_a_statement_that_takes_longer_than_it_may_is_given_up_and_tried_again(
    database: Database, fresh_database: str
) -> None:
    producer = Moody()
    await say(database, None, "a", "1")
    with capture_logs() as logs:
        async with relaying(fresh_database, producer, statement_seconds=0.3):
            async with database.transaction() as connection:
                await connection.execute(Sql("lock table outbox in access exclusive mode"))
                await eventually(lambda: bool(logs))
            await eventually(lambda: producer.published("a") == ["1"])

    assert {(entry["event"], entry["error"]) for entry in logs} == {
        ("relay.interrupted", "TimeoutError")
    }


async def test_nudges_disturb_nobody_who_is_about_to_lead(
    database: Database, fresh_database: str
) -> None:
    producer = Moody()
    with capture_logs() as logs:
        async with relaying(fresh_database, producer) as relay:

            async def nudge_for_ever() -> None:
                while True:
                    relay.nudge()
                    await asyncio.sleep(0)

            nudging = asyncio.create_task(nudge_for_ever())
            await say(database, None, "a", "1")
            await eventually(lambda: producer.published("a") == ["1"])
            nudging.cancel()
    assert logs == []


async def test_one_of_two_leads_and_the_other_takes_over(
    database: Database, fresh_database: str
) -> None:
    producer = Moody()
    async with relaying(fresh_database, producer) as second:
        await eventually(lambda: second.leads)
        async with relaying(fresh_database, producer) as first:
            await say(database, first, "a", "1")
            await eventually(lambda: producer.published("a") == ["1"])
            assert not first.leads
            async with database.transaction() as connection:
                await connection.execute(
                    Sql("""
                    select pg_terminate_backend(pid) from pg_locks
                    where locktype = 'advisory' and granted""")
                )
            await say(database, first, "a", "2")
            # What the dead leader had no time to forget is published again, in the same order.
            await eventually(lambda: producer.published("a")[-1:] == ["2"])
            assert list(dict.fromkeys(producer.published("a"))) == ["1", "2"]
            await eventually(lambda: {first.leads, second.leads} == {True, False})
