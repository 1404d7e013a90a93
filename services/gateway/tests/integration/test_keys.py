"""Keys over HTTP, tenants apart, and what the audit log keeps, on real Postgres."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx2
import pytest

from common.contracts import TenantId
from common.db import Database, Sql
from common.errors import NotFound
from gateway_service.app.contexts import context_opener, tenant_opener
from gateway_service.domain.model.audit import AuditEntry
from gateway_service.domain.usecases import accounts as usecases
from gateway_service.repository import ROLE, PostgresAuditSink, PostgresStanding

pytestmark = pytest.mark.integration


async def test_a_key_is_made_used_listed_and_revoked(
    client: httpx2.AsyncClient, bakery: Any, engine: Database
) -> None:
    new = {"name": "till", "scopes": ["keys:read"]}
    made = (await client.post("/api/keys", json=new, headers=bakery.headers)).json()
    till = {"X-API-Key": made["key"]}
    listed = await client.get("/api/keys", headers=till)

    assert listed.status_code == 200
    assert [key["name"] for key in listed.json()] == ["first key", "till"]
    assert made["key"] not in listed.text
    assert "hash" not in listed.text
    assert (await client.post("/api/keys", json=new, headers=till)).status_code == 403

    gone = await client.delete(f"/api/keys/{made['id']}", headers=bakery.headers)
    assert gone.status_code == 204
    assert (await client.get("/api/keys", headers=till)).status_code == 401
    again = await client.delete(f"/api/keys/{made['id']}", headers=bakery.headers)
    assert again.status_code == 204

    async with engine.transaction() as connection:
        rows = await connection.execute(Sql("select * from audit_log order by at, id"))
        lines = list(rows)
        stored = list(await connection.execute(Sql("select * from api_key")))
    assert [(line["action"].split("/")[0], line["status"]) for line in lines] == [
        ("POST ", 201), ("POST ", 403), ("DELETE ", 204), ("GET ", 401), ("DELETE ", 204),
    ]  # fmt: skip
    assert made["key"].split("_")[2] not in repr((lines, stored))
    assert all(row["last_used_at"] is not None for row in stored)


async def test_a_slash_too_many_leads_nowhere(client: httpx2.AsyncClient, bakery: Any) -> None:
    for headers in ({"Host": "evil.example"}, bakery.headers):
        for path in ("/api/keys/", "/api/operator/tenants/", "/api/agents/"):
            answer = await client.get(path, headers=headers)
            assert answer.json()["code"] in {"not_found", "unauthenticated"}
            assert "location" not in answer.headers


async def test_another_tenant_sees_and_changes_nothing(
    new_tenant: Any, client: httpx2.AsyncClient, bakery: Any, engine: Database
) -> None:
    other = await new_tenant("Butcher")

    seen = await client.get("/api/keys", headers=other.headers)
    gone = await client.delete(f"/api/keys/{bakery.key.id}", headers=other.headers)

    assert [key["id"] for key in seen.json()] == [other.key.id]
    assert (gone.status_code, gone.json()["code"]) == (404, "not_found")
    assert (await client.get("/api/keys", headers=bakery.headers)).status_code == 200


@pytest.mark.parametrize(
    "new",
    [
        {"name": "", "scopes": ["keys:read"]},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["agents:fly"]},
        {"name": "x", "scopes": ["*"], "tenant_id": "ten_other"},
        {"name": "x", "scopes": ["*"], "expires_at": "2020-01-01T00:00:00Z"},
        {"name": "x", "scopes": ["*"], "expires_at": "2030-01-01T00:00:00"},
        {"name": "x", "scopes": ["*"], "expires_at": "9999-12-31T23:59:59-14:00"},
        {"name": "x", "scopes": ["*"], "expires_at": "0001-01-01T00:00:00+14:00"},
    ],
)
async def test_a_key_that_makes_no_sense_is_refused(
    client: httpx2.AsyncClient, bakery: Any, new: dict[str, Any]
) -> None:
    answer = await client.post("/api/keys", json=new, headers=bakery.headers)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


async def test_a_key_expires(client: httpx2.AsyncClient, bakery: Any, engine: Database) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    new = {"name": "x", "scopes": ["keys:read"], "expires_at": soon.isoformat()}
    made = (await client.post("/api/keys", json=new, headers=bakery.headers)).json()
    async with engine.transaction() as connection:
        await connection.execute(
            Sql("update api_key set expires_at = now() where id = :id"), {"id": made["id"]}
        )

    answer = await client.get("/api/keys", headers={"X-API-Key": made["key"]})

    assert "expired" in answer.json()["detail"]


async def test_a_tenant_can_neither_make_tenants_nor_rewrite_what_was_done(
    engine: Database, bakery: Any
) -> None:
    await PostgresAuditSink(engine).write(an_entry(bakery.id))
    async with engine.tenant_transaction(role=ROLE, tenant=bakery.id) as connection:
        for statement in ("update audit_log set status = 1", "delete from audit_log",
                          "delete from api_key", "update tenant set name = 'x'"):  # fmt: skip
            assert await connection.change(Sql(statement)) == 0, statement
        seen = (await connection.execute(Sql("select count(*) from audit_log"))).scalar()
        assert seen == 1
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level"):
        async with engine.tenant_transaction(role=ROLE, tenant=bakery.id) as connection:
            await connection.execute(
                Sql("insert into tenant (tenant_id, name) values (:id, 'x')"), {"id": bakery.id}
            )


async def test_failed_authentications_are_nobodys_to_read(
    client: httpx2.AsyncClient, engine: Database
) -> None:
    await client.get("/api/keys", headers={"X-API-Key": "pk_nonsense"})

    async with engine.transaction() as connection:
        rows = await connection.execute(Sql("select tenant_id, subject, action from audit_log"))
        assert [tuple(row) for row in rows] == [("-", "unknown", "GET /api/keys")]
    for tenant in ("", "ten_x"):
        async with engine.tenant_transaction(role=ROLE, tenant=tenant) as connection:
            assert (await connection.execute(Sql("select count(*) from audit_log"))).scalar() == 0


async def test_old_lines_are_purged(engine: Database, bakery: Any) -> None:
    sink = PostgresAuditSink(engine)
    await sink.write(an_entry(bakery.id))

    assert await sink.purge(datetime.now(UTC) - timedelta(days=1)) == 0
    assert await sink.purge(datetime.now(UTC) + timedelta(days=1)) == 1


def an_entry(tenant: TenantId) -> AuditEntry:
    return AuditEntry("e1", tenant, datetime.now(UTC), "cli", "x", "", 200)


async def test_a_tenants_transaction_cannot_add_keys_for_another(
    new_tenant: Any, engine: Database, bakery: Any
) -> None:
    other = await new_tenant("Butcher")
    async with tenant_opener(engine)(other.id) as context:
        with pytest.raises(NotFound):
            await usecases.create_key(context, bakery.id, "x", ["*"])


async def test_a_suspended_tenant_is_refused_and_listed_as_such(
    client: httpx2.AsyncClient, bakery: Any, engine: Database
) -> None:
    async with context_opener(engine)() as context:
        suspended = await usecases.suspend_tenant(context, bakery.id)
        again = await usecases.suspend_tenant(context, bakery.id)
        assert [one.suspended_at for one in await usecases.list_tenants(context)] == [
            suspended.suspended_at
        ]
    assert again == suspended
    refused = await client.get("/api/keys", headers=bakery.headers)
    assert (refused.status_code, "suspended" in refused.json()["detail"]) == (401, True)
    assert await PostgresStanding(engine).is_suspended(bakery.id)
    async with context_opener(engine)() as context:
        assert (await usecases.resume_tenant(context, bakery.id)).suspended_at is None
        assert await usecases.list_tenants(context, after=bakery.id) == []
    assert not await PostgresStanding(engine).is_suspended(bakery.id)


async def test_a_key_is_revoked_for_its_own_tenant_only(engine: Database, bakery: Any) -> None:
    async with context_opener(engine)() as context:
        with pytest.raises(NotFound):
            await usecases.revoke_key(context, bakery.key.id, tenant=TenantId("ten_other"))
        assert (await usecases.revoke_key(context, bakery.key.id, tenant=bakery.id)).revoked_at
