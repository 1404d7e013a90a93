"""The inbox forgets what can come no more, a part at a time, and nothing else."""

import pytest

from common.db import Database, Sql, purge_inbox

pytestmark = pytest.mark.integration

_INBOX = Sql("""
    create table inbox (
        event_id text primary key, received_at timestamptz not null default now())""")
_FILL = Sql("""
    insert into inbox
    select 'old-' || n, now() - interval '15 days' from generate_series(1, 10050) as n
    union all select 'new-' || n, now() - interval '13 days' from generate_series(1, 3) as n""")


async def test_old_events_go_by_parts_and_those_that_may_come_again_stay(
    fresh_database: str,
) -> None:
    database = Database(fresh_database)
    await database.execute(_INBOX)
    await database.execute(_FILL)
    told = []
    for _ in range(2):
        async with database.transaction() as connection:
            told.append(await purge_inbox(connection))
    left = await database.execute(Sql("select event_id from inbox order by event_id"))
    await database.close()
    assert told == [True, False]
    assert left.scalars() == ["new-1", "new-2", "new-3"]
