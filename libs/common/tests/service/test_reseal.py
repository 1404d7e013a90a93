"""After a rotation no stored secret needs the old key, whatever was written meanwhile."""

import base64
import os

import pytest

from common.auth import Keyring
from common.db import Database, Sql
from common.errors import NeedsOperator
from common.service import SealedColumn
from common.service.reseal_verb import reseal_column

pytestmark = pytest.mark.integration

_COLUMN = SealedColumn("account", "sealed_token", "account.token")
_KEYS = {name: base64.b64encode(os.urandom(32)).decode() for name in ("k1", "k2")}


def keyring(*names: str) -> Keyring:
    return Keyring.parse(",".join(f"{name}:{_KEYS[name]}" for name in names))


async def stored(database: Database) -> list[tuple[str, str]]:
    rows = await database.execute(
        Sql(
            "select tenant_id, sealed_token from account where sealed_token is not null order by id"
        )
    )
    return [(row[0], row[1]) for row in rows]


async def test_every_secret_opens_with_the_new_key_alone(fresh_database: str) -> None:
    database = Database(fresh_database)
    old, both = keyring("k1"), keyring("k2", "k1")
    await database.execute(
        Sql("create table account (id int primary key, tenant_id text, sealed_token text)")
    )
    for n in range(450):
        tenant = f"ten_{n % 3}"
        sealed = old.seal(f"secret {n}", context=("account.token", tenant)) if n else None
        await database.execute(
            Sql("insert into account values (:n, :tenant, :sealed)"),
            {"n": n, "tenant": tenant, "sealed": sealed},
        )

    assert await reseal_column(database, both, _COLUMN) == 449
    assert await reseal_column(database, both, _COLUMN) == 0

    new = keyring("k2")
    opened = [new.open(value, context=("account.token", t)) for t, value in await stored(database)]
    assert opened == [f"secret {n}" for n in range(1, 450)]
    await database.close()


async def test_a_value_whose_key_is_gone_stops_it_and_stays(fresh_database: str) -> None:
    database = Database(fresh_database)
    await database.execute(
        Sql("create table account (id int primary key, tenant_id text, sealed_token text)")
    )
    sealed = keyring("k1").seal("secret", context=("account.token", "ten_1"))
    await database.execute(
        Sql("insert into account values (1, 'ten_1', :sealed)"), {"sealed": sealed}
    )

    with pytest.raises(NeedsOperator):
        await reseal_column(database, keyring("k2"), _COLUMN)

    assert await stored(database) == [("ten_1", sealed)]
    await database.close()
