"""Row-level security: the database refuses what a forgotten filter would let through."""

from typing import Any, Protocol

from common.db.database import Executes, Sql


class RunsSql(Protocol):
    """Alembic's `op`, as far as our migrations need it."""

    def execute(self, sqltext: str, /) -> Any:
        """Run one statement."""


def api_role(service: str) -> str:
    """Name the role that serves HTTP requests of a service; it may not log in by itself."""
    return f"parley_{service}_api"


def isolate_by_tenant(op: RunsSql, service: str, *tables: str) -> None:
    """Let the API role touch only rows of the tenant that the transaction is about.

    The service's own role owns the tables and works across tenants (it consumes topics); the
    API role is bound by the policy, and sees nothing when no tenant is set.
    """
    role = api_role(service)
    for table in tables:
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"""
            create policy tenant_isolation on {table} to {role}
            using (tenant_id = current_setting('parley.tenant_id', true))
            with check (tenant_id = current_setting('parley.tenant_id', true))""")
        op.execute(f"grant select, insert, update, delete on {table} to {role}")


def let_api_publish(op: RunsSql, service: str) -> None:
    """Let the API role add to the outbox; it cannot read what others wrote there."""
    op.execute(f"grant usage on schema public to {api_role(service)}")
    op.execute(f"grant insert on outbox to {api_role(service)}")


async def unprotected_tables(database: Executes) -> set[str]:
    """Name the tables with a tenant_id and no policy; a test asserts there are none."""
    rows = await database.execute(_UNPROTECTED)
    return set(rows.scalars())


_UNPROTECTED = Sql("""
    select c.relname from pg_class c
    join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'public'
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
    where c.relkind in ('r', 'p') and not (c.relrowsecurity and exists (
        select 1 from pg_policy p where p.polrelid = c.oid))""")
