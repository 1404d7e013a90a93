"""The tenant's token bucket at the model: one row, one statement, no race."""

from common.contracts import TenantId
from common.db import Connection, Sql

_RESERVE = Sql("""
    insert into request_bucket as b (tenant_id, tokens, refilled_at)
    values (:tenant, cast(:limit as double precision) - 1, now())
    on conflict (tenant_id) do update set
        tokens = greatest(-1, least(cast(:limit as double precision),
            b.tokens + extract(epoch from now() - b.refilled_at) * :limit / 60.0) - 1),
        refilled_at = now()
    returning tokens""")
_REFUND = Sql("update request_bucket set tokens = tokens + 1 where tenant_id = :tenant")


class PostgresLimits:
    """Limits, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def reserve(self, tenant: TenantId, *, per_minute: int) -> float:
        """Take one request out of the bucket; returns seconds to wait, 0 when taken."""
        row = await self._connection.execute(
            _RESERVE, {"tenant": tenant, "limit": float(per_minute)}
        )
        tokens = float(row.one()[0])
        if tokens >= 0:
            return 0.0
        await self._connection.execute(_REFUND, {"tenant": tenant})
        return -tokens * 60.0 / per_minute
