"""Every SQL statement of the gateway."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from common.contracts import TenantId
from common.db import Connection, Database, Sql, api_role
from gateway_service.domain.model.accounts import StoredKey, Tenant
from gateway_service.domain.model.audit import NOBODY, AuditEntry

ROLE = api_role("gateway")

_KEY_COLUMNS = """
    id, tenant_id, name, hash, scopes, created_at, expires_at, last_used_at, revoked_at"""
_ADD_TENANT = Sql("insert into tenant (tenant_id, name, created_at) values (:id, :name, :at)")
_TENANT_COLUMNS = "tenant_id, name, created_at, suspended_at"
# Their ids are made in the order of time.
_TENANTS = Sql(f"""
    select {_TENANT_COLUMNS} from tenant where tenant_id > :after
    order by tenant_id limit :limit""")
_SUSPEND = Sql(f"""
    update tenant set suspended_at =
        case when cast(:at as timestamptz) is not null then coalesce(suspended_at, :at) end
    where tenant_id = :tenant
    returning {_TENANT_COLUMNS}""")
_SUSPENDED = Sql("select suspended_at is not null from tenant where tenant_id = :tenant")
_TENANT_EXISTS = Sql("select true from tenant where tenant_id = :tenant")
_ADD_KEY = Sql("""
    insert into api_key (id, tenant_id, name, hash, scopes, created_at, expires_at)
    values (:id, :tenant, :name, :hash, :scopes, :created_at, :expires_at)
    on conflict (id) do nothing returning id""")
_KEYS = Sql(f"select {_KEY_COLUMNS} from api_key where tenant_id = :tenant order by created_at, id")
_FIND_KEY = Sql("""
    select k.*, t.suspended_at is not null as suspended
    from api_key k join tenant t using (tenant_id) where k.id = :id""")
_REVOKE_KEY = Sql(f"""
    update api_key set revoked_at = coalesce(revoked_at, :at)
    where id = :id and (cast(:tenant as text) is null or tenant_id = :tenant)
    returning {_KEY_COLUMNS}""")
# A write a minute says enough and spares the row a new version with every request.
_USED = Sql("""
    update api_key set last_used_at = :at
    where id = :id and (last_used_at is null
        or last_used_at < cast(:at as timestamptz) - interval '1 minute')""")
_ADD_ENTRY = Sql("""
    insert into audit_log (id, tenant_id, at, subject, action, request_id, status, outcome)
    values (:id, :tenant, :at, :subject, :action, :request_id, :status, :outcome)""")
_PURGE_ENTRIES = Sql("""
    delete from audit_log where id in (select id from audit_log where at < :before limit 5000)""")


class PostgresTenants:
    """Tenants, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, tenant: Tenant) -> None:
        """Keep a new one."""
        row = {"id": tenant.id, "name": tenant.name, "at": tenant.created_at}
        await self._connection.execute(_ADD_TENANT, row)

    async def page(self, after: str, limit: int) -> list[Tenant]:
        """List them from after this id on, the oldest first."""
        rows = await self._connection.execute(_TENANTS, {"after": after, "limit": limit})
        return [_tenant(row) for row in rows]

    async def suspend(self, tenant: TenantId, at: datetime | None) -> Tenant | None:
        """Suspend one, unless it is already, or with None no longer; None when it is unknown."""
        rows = await self._connection.execute(_SUSPEND, {"tenant": tenant, "at": at})
        row = rows.first()
        return None if row is None else _tenant(row)

    async def exists(self, tenant: TenantId) -> bool:
        """Say whether there is one of this id."""
        found = await self._connection.execute(_TENANT_EXISTS, {"tenant": tenant})
        return found.scalar() is not None


class PostgresKeys:
    """API keys, in one transaction and as far as it may see."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, key: StoredKey) -> bool:
        """Keep a new one; False when its id is taken."""
        added = await self._connection.execute(
            _ADD_KEY,
            {
                "id": key.id,
                "tenant": key.tenant,
                "name": key.name,
                "hash": key.hash,
                "scopes": sorted(key.scopes),
                "created_at": key.created_at,
                "expires_at": key.expires_at,
            },
        )
        return added.scalar() is not None

    async def of(self, tenant: TenantId) -> list[StoredKey]:
        """List a tenant's keys, the oldest first."""
        rows = await self._connection.execute(_KEYS, {"tenant": tenant})
        return [_key(row) for row in rows]

    async def revoke(
        self, key_id: str, at: datetime, *, tenant: TenantId | None = None
    ) -> StoredKey | None:
        """Revoke a key, of this tenant if one is named; None when there is none of this id."""
        values = {"id": key_id, "at": at, "tenant": tenant}
        rows = await self._connection.execute(_REVOKE_KEY, values)
        row = rows.first()
        return None if row is None else _key(row)


class PostgresKeyLookup:
    """Finds keys before the tenant is known, so across tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, key_id: str) -> StoredKey | None:
        """Find a key by its id."""
        row = (await self._database.execute(_FIND_KEY, {"id": key_id})).first()
        return None if row is None else replace(_key(row), suspended=row["suspended"])

    async def used(self, key_id: str, at: datetime) -> None:
        """Note that a key was used; at most once a minute is really written."""
        await self._database.execute(_USED, {"id": key_id, "at": at})


class PostgresStanding:
    """How tenants stand."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def is_suspended(self, tenant: str) -> bool:
        """Say whether a tenant is suspended; one that we do not know is not."""
        return (await self._database.execute(_SUSPENDED, {"tenant": tenant})).scalar() is True


class PostgresAudit:
    """The audit log, in the transaction of the change."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, entry: AuditEntry) -> None:
        """Write one line."""
        await self._connection.execute(_ADD_ENTRY, _entry(entry))


class PostgresAuditSink:
    """The audit log, one line per transaction, each bound to its own tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, entry: AuditEntry) -> None:
        """Write one line."""
        opened = (
            self._database.transaction()
            if entry.tenant == NOBODY
            else self._database.tenant_transaction(role=ROLE, tenant=entry.tenant)
        )
        async with opened as connection:
            await connection.execute(_ADD_ENTRY, _entry(entry))

    async def purge(self, before: datetime) -> int:
        """Forget older lines, a few thousand at a time; returns how many went."""
        async with self._database.transaction() as connection:
            return await connection.change(_PURGE_ENTRIES, {"before": before})


def _tenant(row: Any) -> Tenant:
    return Tenant(TenantId(row[0]), row["name"], row["created_at"], row["suspended_at"])


def _key(row: Any) -> StoredKey:
    return StoredKey(
        id=row["id"],
        tenant=TenantId(row["tenant_id"]),
        name=row["name"],
        hash=row["hash"],
        scopes=frozenset(row["scopes"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )


def _entry(entry: AuditEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "tenant": entry.tenant,
        "at": entry.at,
        "subject": entry.subject,
        "action": entry.action,
        "request_id": entry.request_id,
        "status": entry.status,
        "outcome": entry.outcome,
    }
