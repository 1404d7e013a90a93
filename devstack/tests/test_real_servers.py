"""The servers that integration tests stand on do what those tests rely on."""

import asyncio
from collections.abc import Callable
from uuid import uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

pytestmark = pytest.mark.integration


async def test_each_fresh_database_is_empty(fresh_database: str) -> None:
    connection = await asyncpg.connect(fresh_database)
    try:
        assert (
            await connection.fetchval("select count(*) from pg_tables where schemaname = 'public'")
            == 0
        )
        await connection.execute("create table marks (id int)")
    finally:
        await connection.close()


async def test_the_next_fresh_database_knows_nothing_of_the_last(fresh_database: str) -> None:
    connection = await asyncpg.connect(fresh_database)
    try:
        assert await connection.fetchval("select to_regclass('marks')") is None
    finally:
        await connection.close()


async def test_migrated_databases_have_the_tables_and_nothing_of_each_other(
    migrated_database: Callable[[str], str],
) -> None:
    for address in (migrated_database("gateway"), migrated_database("gateway")):
        connection = await asyncpg.connect(address)
        try:
            assert await connection.fetchval("select count(*) from tenant") == 0
            await connection.execute("insert into tenant (tenant_id, name) values ('ten_a', 'A')")
        finally:
            await connection.close()


async def test_a_consumer_group_reads_what_an_idempotent_producer_wrote(
    kafka_bootstrap: str,
) -> None:
    topic = f"devstack.{uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, num_partitions=2, replication_factor=1)])
    finally:
        await admin.close()

    async with AIOKafkaProducer(
        bootstrap_servers=kafka_bootstrap, enable_idempotence=True, acks="all"
    ) as producer:
        await producer.send_and_wait(topic, b"hello", key=b"k", headers=[("ce_id", b"1")])

    async with (
        asyncio.timeout(20),
        AIOKafkaConsumer(
            topic, bootstrap_servers=kafka_bootstrap, group_id=topic, auto_offset_reset="earliest"
        ) as consumer,
    ):
        record = await consumer.getone()

    assert (record.key, record.value, record.headers) == (b"k", b"hello", (("ce_id", b"1"),))
