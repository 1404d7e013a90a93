"""Transactions and the outbox on real Postgres."""

import pytest

from common.contracts import ChatId, CommandId, IntegrationId, SendMessage, TenantId, Text
from common.db import Database, Outbox, Sql
from common.errors import InvalidInput

pytestmark = pytest.mark.integration

_OUTBOX = Sql("""
    create table outbox (
        seq bigint generated always as identity primary key, topic text not null,
        key text not null, value bytea, headers text not null)""")


def command(n: int) -> SendMessage:
    return SendMessage(
        command_id=CommandId(f"cmd_{n}"),
        chat_id=ChatId("cht_1"),
        integration_id=IntegrationId("int_1"),
        content=Text(text=f"message {n}"),
    )


async def test_a_character_that_postgres_cannot_hold_is_the_callers_mistake(
    fresh_database: str,
) -> None:
    database = Database(fresh_database)
    with pytest.raises(InvalidInput, match=r"U\+0000"):
        await database.execute(Sql("select cast(:text as text)"), {"text": "a\0b"})
    with pytest.raises(InvalidInput, match=r"U\+0000"):
        async with database.transaction() as connection:
            await connection.execute(Sql("select cast(:text as text)"), {"text": "a\0b"})
    assert (await database.execute(Sql("select 1"))).scalar() == 1
    await database.close()


@pytest.mark.parametrize("count", [1, 49, 50, 1200])
async def test_what_one_transaction_announces_keeps_its_order(
    fresh_database: str, count: int
) -> None:
    """Few rows go with an insert, many with COPY."""
    database = Database(fresh_database)
    await database.execute(_OUTBOX)
    async with database.transaction() as connection:
        outbox = Outbox(connection, source="parley/test")
        for n in range(count):
            outbox.add(command(n), tenant=TenantId("ten_1"))
        await outbox.flush()
    rows = await database.execute(Sql("select value from outbox order by seq"))
    written = [SendMessage.from_json(value) for value in rows.scalars()]
    assert [one.command_id for one in written] == [f"cmd_{n}" for n in range(count)]
    await database.close()


async def test_a_transaction_that_fails_announces_nothing(fresh_database: str) -> None:
    database = Database(fresh_database)
    await database.execute(_OUTBOX)
    woken: list[int] = []

    async def fails() -> None:
        async with database.transaction() as connection:
            outbox = Outbox(connection, source="parley/test", on_commit=lambda: woken.append(1))
            for n in range(100):
                outbox.add(command(n), tenant=TenantId("ten_1"))
            await outbox.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    assert (await database.execute(Sql("select count(*) from outbox"))).scalar() == 0
    assert not woken
    await database.close()


async def test_a_statement_is_planned_once_and_not_for_each_array(fresh_database: str) -> None:
    """Postgres by itself plans this one anew each time: a longer array could want another plan."""
    database = Database(fresh_database, pool_size=1)
    statement = Sql("""
        select a.n from unnest(cast(:ns as bigint[])) as a(n)
        join unnest(cast(:ns as bigint[])) as b(n) on a.n = b.n""")
    for _ in range(8):
        await database.execute(statement, {"ns": [1]})
    planned = Sql("""
        select custom_plans, generic_plans from pg_prepared_statements
        where statement like '%a.n = b.n%' and statement not like '%pg_prepared%'""")
    assert tuple((await database.execute(planned)).one()) == (0, 8)
    await database.close()


async def test_what_a_tenant_asks_for_is_planned_for_the_question(fresh_database: str) -> None:
    database = Database(fresh_database, pool_size=1)
    mode = Sql("select current_setting('plan_cache_mode'), current_setting('parley.tenant_id')")
    role = (await database.execute(Sql("select current_user"))).scalar()
    async with database.tenant_transaction(role=str(role), tenant="ten_1") as connection:
        assert tuple((await connection.execute(mode)).one()) == ("auto", "ten_1")
    assert tuple((await database.execute(mode)).one()) == ("force_generic_plan", "")
    await database.close()
