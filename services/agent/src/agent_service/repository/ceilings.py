"""What tenants may use at most, as operators say; above tenants' own limits."""

from dataclasses import asdict

from agent_service.domain.model import Allowance, Limits
from agent_service.repository.agents import allowance_of
from agent_service.repository.budgets import OF_TENANT
from agent_service.repository.rows import as_json
from common.contracts import TenantId
from common.db import Executes, Sql

_PUT = Sql("""
    insert into tenant_limit (tenant_id, limits, ceiling)
    values (:tenant, '{}', cast(:ceiling as jsonb))
    on conflict (tenant_id) do update set ceiling = excluded.ceiling, updated_at = now()
    returning tenant_id""")

_KNOWS = Sql("""
    select exists (select 1 from agent where tenant_id = :tenant)
        or exists (select 1 from tenant_limit where tenant_id = :tenant)""")


class PostgresCeilings:
    """The ceilings, for operators."""

    def __init__(self, database: Executes) -> None:
        self._database = database

    async def of(self, tenant: TenantId) -> Allowance:
        """Read what a tenant may use."""
        return allowance_of((await self._database.execute(OF_TENANT, {"tenant": tenant})).first())

    async def knows(self, tenant: TenantId) -> bool:
        """Say whether a tenant has ever had an agent or a limit here; one that begins has none."""
        return bool((await self._database.execute(_KNOWS, {"tenant": tenant})).scalar())

    async def put(self, tenant: TenantId, ceiling: Limits | None) -> None:
        """Set a tenant's ceiling, or take it away."""
        stored = None if ceiling is None else as_json(asdict(ceiling))
        await self._database.execute(_PUT, {"tenant": tenant, "ceiling": stored})
