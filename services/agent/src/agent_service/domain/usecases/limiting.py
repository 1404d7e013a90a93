"""Say what a whole tenant may use, within what the operator allows."""

from agent_service.domain.model import Limits
from agent_service.domain.ports import Context
from common.contracts import TenantId
from common.errors import InvalidInput


async def limit_tenant(context: Context, tenant: TenantId, limits: Limits) -> None:
    """Set a tenant's own limits.

    Raises:
        InvalidInput: something is more than the operator's ceiling.
    """
    ceiling = (await context.budgets.of_tenant(tenant)).ceiling
    over = [] if ceiling is None else limits.over(ceiling)
    if ceiling is not None and over:
        most = ", ".join(f"{name} {getattr(ceiling, name)}" for name in over)
        raise InvalidInput(f"More than the operator allows; at most: {most}.")
    await context.budgets.set_for_tenant(tenant, limits)
