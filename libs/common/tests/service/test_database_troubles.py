"""What a command says when Postgres is not there, or not as it should be."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pytest

from common.db import Database, DatabaseAway, Sql
from common.testing import base_settings

TOY = Path(__file__).parent / "toy.py"
DEAD = "postgresql://toy:hunter2@127.0.0.1:1/toys"


def run(verb: str, database: str) -> subprocess.CompletedProcess[str]:
    settings = base_settings("gateway", database=database)
    environment = {
        "TOY_DATABASE_URL": database,
        "TOY_KEYRING": settings["keyring"],
        "TOY_INTERNAL_KEY": settings["internal_key"],
        "TOY_PORT": "0",
        "KAFKA_BOOTSTRAP_SERVERS": settings["kafka_bootstrap_servers"],
        "INTERNAL_TRUSTED_KEYS": orjson.dumps(settings["internal_trusted_keys"]).decode(),
        "CAPABILITY_KEYRING": settings["capability_keyring"],
        "OBJECT_STORE_URL": settings["object_store_url"],
    }
    return subprocess.run(
        [sys.executable, str(TOY), verb],
        env={"PATH": ""} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def server(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}"


@pytest.mark.parametrize("verb", ["count", "migrate"])
def test_a_server_that_is_away_is_named_without_the_password(verb: str) -> None:
    done = run(verb, DEAD)

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "Postgres is away: ConnectionRefusedError at 127.0.0.1:1/toys.",
        "Check that it runs there, and TOY_DATABASE_URL.",
    ]


@pytest.mark.integration
@pytest.mark.parametrize("verb", ["count", "migrate"])
def test_a_server_that_does_not_let_us_in_is_quoted(fresh_database: str, verb: str) -> None:
    address = server(fresh_database)
    stranger = run(verb, f"postgresql://stranger:hunter2@{address}/postgres")
    nowhere = run(verb, f"postgresql://postgres:hunter2@{address}/nowhere")

    for done, said in (
        (stranger, f'{address}/postgres refuses us: role "stranger" does not exist'),
        (nowhere, f'{address}/nowhere refuses us: database "nowhere" does not exist'),
    ):
        assert done.returncode == 1
        assert said in done.stderr
        assert "Check TOY_DATABASE_URL" in done.stderr
        assert done.stderr.count("\n") == 2
        assert "hunter2" not in done.stderr


@pytest.mark.integration
def test_a_database_without_tables_is_told_to_be_migrated(fresh_database: str) -> None:
    done = run("count", fresh_database)

    assert done.returncode == 1
    assert 'is not migrated: relation "toys" does not exist' in done.stderr
    assert "Run `python -m toy_service migrate`." in done.stderr
    assert done.stderr.count("\n") == 2


@pytest.mark.integration
async def test_a_server_that_refuses_a_service_is_away_for_its_callers(fresh_database: str) -> None:
    database = Database(f"postgresql://stranger@{server(fresh_database)}/postgres")

    with pytest.raises(DatabaseAway, match="Postgres refuses us: Invalid") as refused:
        await database.execute(Sql("select 1"))

    assert refused.value.status == 503
    assert "stranger" not in str(refused.value)
    await database.close()
