"""What an operator orders for a number: connect anew, pair, rename, rotate, compare, delete."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, status
from pydantic import BaseModel, ConfigDict, Field

from common.contracts import AgentId, TenantId
from common.places import TOP, Place
from common.service import PAGED
from whatsapp_service.api.connections import QrView
from whatsapp_service.api.views import (
    ConnectionView,
    Connects,
    Grace,
    Limit,
    Operates,
    Page,
    Reader,
    Reads,
    Writer,
)

router = APIRouter(prefix="/agents/{agent_id}/channels/evolution")

_LONGEST_GRACE = 86_400


class PairingOrder(BaseModel):
    """Which phone will type the code."""

    model_config = ConfigDict(extra="forbid")

    phone: Annotated[str, Field(max_length=32)]
    """With its country code."""


class NameOrder(BaseModel):
    """What operators shall call the number."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=100)]


class RotationOrder(BaseModel):
    """How to change the webhook's address and secret."""

    model_config = ConfigDict(extra="forbid")

    grace_seconds: Annotated[float | None, Field(ge=0, le=_LONGEST_GRACE)] = None
    """How long the old ones are believed after Evolution has the new; 0 when they leaked: then
    no earlier one is believed from now on."""


@router.post("/disconnect")
async def disconnect_number(agent_id: str, caller: Writer, operator: Operates) -> ConnectionView:
    """Unlink the number from its phone; it has to be scanned again."""
    found = await operator.disconnect(TenantId(caller.tenant_id), AgentId(agent_id))
    return ConnectionView.of(found)


@router.post("/reconnect")
async def reconnect_number(agent_id: str, caller: Writer, operator: Operates) -> ConnectionView:
    """Connect the number anew, without a scan where WhatsApp still knows it."""
    found = await operator.reconnect(TenantId(caller.tenant_id), AgentId(agent_id))
    return ConnectionView.of(found)


@router.post("/pairing-code")
async def pair_number(
    agent_id: str, order: PairingOrder, caller: Writer, operator: Operates
) -> QrView:
    """Get a code to be typed into the phone, for who cannot scan."""
    tenant = TenantId(caller.tenant_id)
    return QrView.of(await operator.pairing_code(tenant, AgentId(agent_id), order.phone))


@router.patch("")
async def rename_number(
    agent_id: str, order: NameOrder, caller: Writer, operator: Operates
) -> ConnectionView:
    """Call the number something."""
    tenant = TenantId(caller.tenant_id)
    return ConnectionView.of(await operator.rename(tenant, AgentId(agent_id), order.name))


@router.post("/rotate-secret", status_code=status.HTTP_202_ACCEPTED)
async def rotate_secret(
    agent_id: str,
    caller: Writer,
    operator: Operates,
    grace: Grace,
    order: RotationOrder | None = None,
) -> ConnectionView:
    """Give the number's webhook a new address and secret, without losing an event."""
    if order is not None and order.grace_seconds is not None:
        grace = timedelta(seconds=order.grace_seconds)
    tenant = TenantId(caller.tenant_id)
    return ConnectionView.of(await operator.rotate(tenant, AgentId(agent_id), grace=grace))


@router.delete("", status_code=status.HTTP_202_ACCEPTED)
async def delete_number(agent_id: str, caller: Writer, operator: Operates) -> ConnectionView:
    """Remove the number; its chats stay, and what waits to be sent fails."""
    found = await operator.delete(TenantId(caller.tenant_id), AgentId(agent_id))
    return ConnectionView.of(found)


@router.post("/repair", status_code=status.HTTP_202_ACCEPTED)
async def repair_number(agent_id: str, caller: Writer, operator: Operates) -> ConnectionView:
    """Compare what Evolution has with what we have, soon; the figures are among the sweeps."""
    found = await operator.repair(TenantId(caller.tenant_id), AgentId(agent_id))
    return ConnectionView.of(found)


@router.get("/sweeps", responses=PAGED)
async def list_sweeps(  # noqa: PLR0913 - a query parameter is an argument
    agent_id: str,
    caller: Reader,
    connector: Connects,
    reads: Reads,
    page: Page,
    limit: Limit = 20,
) -> list[dict[str, Any]]:
    """List comparisons with Evolution, the newest first: checked, missing, repaired."""
    tenant, after = TenantId(caller.tenant_id), page.after(TOP)
    number = await connector.status(tenant, AgentId(agent_id))
    found = await reads.sweeps(tenant, number.id, after=after, limit=limit + 1)
    return page.cut(found, limit, lambda sweep: Place(sweep["started_at"], sweep["id"]))
