"""Which events this service has seen, written in the transaction of their effect."""

from collections.abc import Sequence
from datetime import timedelta

from common.db.database import Connection, Sql

_ADMIT = Sql("""
    insert into inbox (event_id)
    select unnest(cast(:ids as text[]))
    on conflict do nothing
    returning event_id""")
_PURGE = Sql("""
    delete from inbox where event_id in (
        select event_id from inbox where received_at < now() - cast(:age as interval)
        order by received_at limit :count
        for update skip locked)""")

RETENTION = timedelta(days=14)
"""Twice the topics' retention: no record can be delivered again after that."""
_AT_ONCE = 10_000


class Inbox:
    """Duplicate detection for one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def admit(self, event_ids: Sequence[str]) -> set[str]:
        """Write the ids down and say which are new; the others were handled before."""
        rows = await self._connection.execute(_ADMIT, {"ids": list(event_ids)})
        return set(rows.scalars())


async def purge_inbox(connection: Connection, age: timedelta = RETENTION) -> bool:
    """Forget a number of events older than `age`; True when there may be more."""
    return await connection.change(_PURGE, {"age": age, "count": _AT_ONCE}) == _AT_ONCE
