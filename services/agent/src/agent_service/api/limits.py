"""What was used and what it cost, and what a tenant may use, over HTTP."""

from dataclasses import asdict
from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from agent_service.api.doors import Opens, Reader, Writer
from agent_service.api.settings_body import LimitsBody
from agent_service.domain.usecases.limiting import limit_tenant
from common.contracts import TenantId, utc_now
from common.errors import InvalidInput

router = APIRouter()
_LONGEST = timedelta(days=400)

Group = Literal["agent", "model", "day"]


class UsageRow(BaseModel):
    """What was used; `agent`, `model` and `day` are given when they are grouped by."""

    agent: str | None = None
    model: str | None = None
    day: date | None = None
    calls: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_micros: int
    """Millionths of a US dollar."""
    priced: bool
    """False when a model had no price of its own, and the default was taken."""


@router.get("/usage")
async def show_usage(
    caller: Reader,
    open_for: Opens,
    since: Annotated[date | None, Query(alias="from")] = None,
    to: date | None = None,
    group_by: Annotated[list[Group], Query()] = [],  # noqa: B006 - FastAPI copies it
) -> list[UsageRow]:
    """Add up what the tenant used, from a day (30 days ago) to another, both included, in UTC."""
    try:
        until = (to or utc_now().date()) + timedelta(days=1)
        begin = since or until - timedelta(days=31)
    except OverflowError:
        raise InvalidInput(f"`to` is {to}: there is no month around it.") from None
    if not timedelta() < until - begin <= _LONGEST:
        raise InvalidInput(f"`from` must be before `to`, and at most {_LONGEST.days} days.")
    async with open_for(TenantId(caller.tenant_id)) as context:
        rows = await context.runs.usage(begin, until, list(dict.fromkeys(group_by)))
    return [UsageRow(**row) for row in rows]


@router.get("/limits")
async def show_limits(caller: Reader, open_for: Opens) -> LimitsBody:
    """Show what the whole tenant may use, the operator's ceiling included."""
    tenant = TenantId(caller.tenant_id)
    async with open_for(tenant) as context:
        allowance = await context.budgets.of_tenant(tenant)
    return LimitsBody(**asdict(allowance.limits()))


@router.put("/limits")
async def set_limits(body: LimitsBody, caller: Writer, open_for: Opens) -> LimitsBody:
    """Set what the whole tenant may use; what is left out is limited by the operator only."""
    tenant, limits = TenantId(caller.tenant_id), body.to_limits()
    async with open_for(tenant) as context:
        await limit_tenant(context, tenant, limits)
    return body
