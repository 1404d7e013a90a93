"""Lanes over HTTP: what waits and why; let go, tried now, or given up."""

from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from common.contracts import TenantId
from common.lanes import FIRST_LANE, LanePlace
from common.service import PAGED
from whatsapp_service.api.views import Limit, Page, Reader, Writer

router = APIRouter(prefix="/lanes")


class OperatesLanes(Protocol):
    """What the routes need: the lanes of one tenant."""

    async def waiting(
        self, tenant: TenantId, *, after: LanePlace, limit: int
    ) -> list[dict[str, Any]]:
        """List lanes with work from a place on, the held ones first."""

    async def resume(self, tenant: TenantId, queue: str, key: str) -> None:
        """Let a held or waiting lane go on at once."""

    async def park(self, tenant: TenantId, queue: str, key: str, reason: str) -> str:
        """Give up on the first job of a lane; gives the command that was given up."""


class LaneOrder(BaseModel):
    """Which lane, as the list names it."""

    model_config = ConfigDict(extra="forbid")

    queue: Annotated[str, Field(max_length=64)] = "sends"
    key: Annotated[str, Field(max_length=512)]


class ParkOrder(LaneOrder):
    """Which lane, and why its first job is given up."""

    reason: Annotated[str, Field(min_length=1, max_length=500)]


class LaneView(BaseModel):
    """A lane after an order."""

    queue: str
    key: str
    parked: str | None = None
    """The command that was given up."""


def _lanes(request: Request) -> OperatesLanes:
    lanes: OperatesLanes = request.app.state.lanes
    return lanes


Lanes = Annotated[OperatesLanes, Depends(_lanes)]


@router.get("", responses=PAGED)
async def list_lanes(
    caller: Reader, lanes: Lanes, page: Page, limit: Limit = 50
) -> list[dict[str, Any]]:
    """List what waits, the held ones first: how many jobs, since when, the last error.

    It comes page by page. One that is tried while you turn the pages may come again, due later;
    one that is held or let go moves to where you have been.
    """
    after = page.after(FIRST_LANE)
    found = await lanes.waiting(TenantId(caller.tenant_id), after=after, limit=limit + 1)
    return page.cut(found, limit, LanePlace.of)


@router.post("/resume")
async def resume_lane(order: LaneOrder, caller: Writer, lanes: Lanes) -> LaneView:
    """Let a held lane go on; its cause should be mended."""
    await lanes.resume(TenantId(caller.tenant_id), order.queue, order.key)
    return LaneView(queue=order.queue, key=order.key)


@router.post("/retry")
async def retry_lane(order: LaneOrder, caller: Writer, lanes: Lanes) -> LaneView:
    """Try a lane that waits now, instead of when its back-off ends."""
    await lanes.resume(TenantId(caller.tenant_id), order.queue, order.key)
    return LaneView(queue=order.queue, key=order.key)


@router.post("/park")
async def park_lane(order: ParkOrder, caller: Writer, lanes: Lanes) -> LaneView:
    """Give up on the first job of a lane, so that the next can go; whoever asked is told."""
    tenant = TenantId(caller.tenant_id)
    parked = await lanes.park(tenant, order.queue, order.key, order.reason)
    return LaneView(queue=order.queue, key=order.key, parked=parked)
