"""The operator's verbs, on real Postgres."""

import argparse
import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import orjson
import pytest
import structlog

from common.db import Database, Sql
from common.errors import InvalidInput, NotFound
from gateway_service.app import commands
from gateway_service.settings import Settings

pytestmark = pytest.mark.integration

MakeSettings = Callable[..., Settings]


class Shell:
    """The command line, on the test's database."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    async def __call__(self, verb: str, action: str, **arguments: Any) -> str:
        given = {"json": False, "expires_days": None, **arguments}
        code = await commands.run(argparse.Namespace(verb=verb, action=action, **given))
        assert code == 0
        return self._capsys.readouterr().out


@pytest.fixture
def shell(
    settings: MakeSettings,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Shell]:
    made = settings(database=database)
    environment = {
        "GATEWAY_DATABASE_URL": database,
        "GATEWAY_KEYRING": made.keyring.get_secret_value(),
        "GATEWAY_INTERNAL_KEY": made.internal_key.get_secret_value(),
        "GATEWAY_PORT": "0",
        "GATEWAY_PUBLIC_URL": str(made.public_url),
        "GATEWAY_WEBHOOK_SECRET": made.webhook_secret.get_secret_value(),
        "KAFKA_BOOTSTRAP_SERVERS": made.kafka_bootstrap_servers,
        "INTERNAL_TRUSTED_KEYS": orjson.dumps(made.internal_trusted_keys).decode(),
        "CAPABILITY_KEYRING": made.capability_keyring.get_secret_value(),
        "OBJECT_STORE_URL": made.object_store_url,
        **{
            f"GATEWAY_{name}_URL": "http://127.0.0.1:1"
            for name in ("WHATSAPP", "AGENT", "GOOGLE", "CRM")
        },
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    handlers, level = logging.root.handlers[:], logging.root.level
    yield Shell(capsys)
    # A command sets up the process's logs, and this process has other tests.
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    logging.root.handlers[:], logging.root.level = handlers, level


async def test_an_operator_makes_a_tenant_and_its_keys(
    shell: Shell, client: httpx2.AsyncClient, engine: Database
) -> None:
    made = orjson.loads(await shell("tenants", "create", name="Demo bakery", json=True))
    tenant, first = made["tenant_id"], {"X-API-Key": made["api_key"]}
    assert (await client.get("/api/keys", headers=first)).status_code == 200

    second = orjson.loads(
        await shell("keys", "create", tenant=tenant, scopes="keys:read", name="x", json=True)
    )
    assert second["scopes"] == ["keys:read"]
    assert "revoked" in await shell("keys", "revoke", key=made["api_key"])

    listed = orjson.loads(await shell("keys", "list", tenant=tenant, json=True))
    assert [key["revoked_at"] is None for key in listed] == [False, True]
    assert "active     Demo bakery" in await shell("tenants", "list")
    assert "is suspended" in await shell("tenants", "suspend", tenant=tenant)
    assert "suspended  Demo bakery" in await shell("tenants", "list")
    assert "let in again" in await shell("tenants", "resume", tenant=tenant)
    async with engine.transaction() as connection:
        lines = await connection.execute(Sql("select subject, tenant_id from audit_log"))
    assert [tuple(line) for line in lines] == [("cli", tenant)] * 5


async def test_an_operator_is_told_what_is_wrong(shell: Shell) -> None:
    with pytest.raises(NotFound):
        await shell("keys", "list", tenant="ten_none")
    with pytest.raises(NotFound):
        await shell("keys", "revoke", key="00000000")
    with pytest.raises(InvalidInput, match="expires-days"):
        await shell("keys", "create", tenant="x", scopes="*", name="x", expires_days=0)
    with pytest.raises(InvalidInput, match="scope"):
        await shell("keys", "create", tenant="x", scopes="nope", name="x")
