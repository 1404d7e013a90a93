"""`reseal`: seal a service's secrets again under the first key of its keyring, while it runs."""

import argparse
from typing import Any

from common.auth import Keyring
from common.db import Connection, Database, Sql
from common.service.columns import say
from common.service.command_database import command_database
from common.service.definition import Service
from common.service.operations import SealedColumn
from common.settings import load
from common.telemetry import configure

_ROWS = 200
"""Of one transaction: short enough that nobody waits for its locks."""


async def run(arguments: argparse.Namespace) -> int:
    """Reseal every column the service names; what was resealed before is left alone.

    Raises:
        NeedsOperator: a value names a key that is no longer in the keyring.
        Unavailable: Postgres is away.
    """
    service: Service[Any] = arguments.service
    settings = load(service.settings())
    configure(service.name, settings)
    keyring = Keyring.parse(settings.keyring)
    async with command_database(service.name, settings) as database:
        for column in arguments.sealed:
            count = await reseal_column(database, keyring, column)
            say(f"{column.table}.{column.name}: {count} sealed again under {keyring.first}")
    return 0


async def reseal_column(database: Database, keyring: Keyring, column: SealedColumn) -> int:
    """Reseal one column, some rows a transaction; returns how many values changed their key.

    Raises:
        NeedsOperator: a value names a key that is no longer in the keyring.
        Unavailable: Postgres is away; what was resealed so far stays so.
    """
    count = 0
    while True:
        async with database.transaction() as connection:
            done = await _some(connection, keyring, column)
        count += done
        if done < _ROWS:
            return count


async def _some(connection: Connection, keyring: Keyring, column: SealedColumn) -> int:
    table, name = column.table, column.name
    # Names from our own code; the locks keep what somebody writes meanwhile from being undone.
    old = Sql(f"""
        select ctid::text as place, tenant_id, {name} from {table}
        where {name} is not null and split_part({name}, '.', 2) <> :key
        limit :count for update""")  # noqa: S608 - see above
    new = Sql(f"""
        update {table} set {name} = row.value
        from unnest(cast(:places as text[]), cast(:values as text[])) as row(place, value)
        where {table}.ctid = cast(row.place as tid)""")  # noqa: S608 - see above
    rows = list(await connection.execute(old, {"key": keyring.first, "count": _ROWS}))
    if rows:
        values = [keyring.reseal(row[2], context=(column.purpose, row[1])) for row in rows]
        places = [row[0] for row in rows]
        await connection.execute(new, {"places": places, "values": values})
    return len(rows)
