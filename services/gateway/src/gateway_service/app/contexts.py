"""Opens what one request or one command may touch; commits on success only."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from common.contracts import TenantId, new_id, utc_now
from common.db import Connection, Database
from gateway_service.domain.ports import Context, Opener, OpenForTenant
from gateway_service.repository import ROLE, PostgresAudit, PostgresKeys, PostgresTenants


def context_opener(database: Database) -> Opener:
    """Open all tenants, for the command line."""

    @asynccontextmanager
    async def open_context() -> AsyncGenerator[Context]:
        async with database.transaction() as connection:
            yield _context(connection)

    return open_context


def tenant_opener(database: Database) -> OpenForTenant:
    """Open one tenant, for its requests."""

    @asynccontextmanager
    async def open_for(tenant: TenantId) -> AsyncGenerator[Context]:
        async with database.tenant_transaction(role=ROLE, tenant=tenant) as connection:
            yield _context(connection)

    return open_for


def _context(connection: Connection) -> Context:
    return Context(
        tenants=PostgresTenants(connection),
        keys=PostgresKeys(connection),
        audit=PostgresAudit(connection),
        now=utc_now,
        new_id=new_id,
    )
