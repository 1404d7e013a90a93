"""A tenant's own lanes: held, let go, given up; what the command line can do, for one tenant."""

from typing import Any

from common.contracts import TenantId
from common.db import Database, api_role
from common.errors import NotFound
from common.lanes import LanePlace, park_head, resume_lane, waiting_lanes
from whatsapp_service.app.contexts import NAME, when_parked


class TenantLanes:
    """Lanes as the tenant's own role sees them, so no filter can be forgotten."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def waiting(
        self, tenant: TenantId, *, after: LanePlace, limit: int
    ) -> list[dict[str, Any]]:
        """List lanes with work from a place on, as `waiting_lanes` does."""
        async with self._database.tenant_transaction(
            role=api_role(NAME), tenant=tenant
        ) as connection:
            return await waiting_lanes(connection, count=limit, after=after)

    async def resume(self, tenant: TenantId, queue: str, key: str) -> None:
        """Let a held or waiting lane go on at once.

        Raises:
            NotFound: the tenant has no such lane, or it is not waiting.
        """
        async with self._database.tenant_transaction(
            role=api_role(NAME), tenant=tenant
        ) as connection:
            await resume_lane(connection, queue, key)

    async def park(self, tenant: TenantId, queue: str, key: str, reason: str) -> str:
        """Give up on the first job of a lane; gives the command that was given up.

        Raises:
            NotFound: the tenant has no such lane, it is empty, or its head is in hand.
        """
        if queue == "care":
            raise NotFound("errands for a number cannot be given up", hint="resume the lane")
        async with self._database.tenant_transaction(
            role=api_role(NAME), tenant=tenant
        ) as connection:
            job = await park_head(connection, queue, key, reason)
            await when_parked(connection, job)
            return job.command_id
