"""What is done for a number in its lane: begun again after a crash, until it is done."""

from dataclasses import dataclass
from datetime import timedelta

from common.contracts import IntegrationId
from common.errors import Unavailable
from whatsapp_service.domain.model import Integration, instance_name
from whatsapp_service.domain.ports import Clock, Lease, Opener
from whatsapp_service.domain.ports.care import Errand
from whatsapp_service.domain.ports.numbers import InstanceGone, Numbers
from whatsapp_service.domain.usecases.connection import REPAIR_AFTER

LATE = timedelta(minutes=25)
"""Evolution repeats what it could not deliver for some twenty minutes, then gives up."""
_STILL_THERE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Errands:
    """Each step may be done twice; the last one is noted with the end of the job."""

    open_context: Opener
    provider: Numbers
    now: Clock

    async def rotate(self, number_id: IntegrationId, grace: timedelta, lease: Lease) -> None:
        """Give the provider the new webhook address, then let the old one run out.

        Raises:
            Transient: not now; the old address is believed meanwhile, if it did not leak.
        """
        leaked = not grace
        number = await self._read(number_id)
        if number is not None and number.created and not number.deleting:
            try:
                await self.provider.set_webhook(number)
            except InstanceGone:
                # Nobody is left who would call the old address.
                grace = LATE
        async with self.open_context() as context:
            if number is not None:
                await context.care.rotated(number, self.now() + grace)
                if leaked:
                    # What was brought to the address meanwhile was refused.
                    repair = Errand.REPAIR
                    await context.care.want(number, repair, cause="leaked", after=REPAIR_AFTER)
            await lease.finish(context)

    async def delete(self, number_id: IntegrationId, lease: Lease) -> None:
        """Remove the number at the provider, however often it takes.

        Raises:
            Transient: not now, or the provider still has it.
        """
        number = await self._read(number_id)
        if number is not None and number.deleting and not await self.provider.remove(number):
            raise Unavailable("Evolution still has the number.", retry_after=_STILL_THERE)
        async with self.open_context() as context:
            if number is not None and number.deleting:
                # What was on its way is still taken in.
                await context.care.deleted(number_id, self.now() + LATE)
            await lease.finish(context)

    async def discard(self, number_id: IntegrationId, lease: Lease) -> None:
        """Remove what a failed making left at the provider; of us nothing is left.

        Raises:
            Transient: not now.
        """
        if not await self.provider.discard(instance_name(number_id)):
            raise Unavailable("Evolution may still have the number.", retry_after=_STILL_THERE)
        async with self.open_context() as context:
            await lease.finish(context)

    async def _read(self, number_id: IntegrationId) -> Integration | None:
        async with self.open_context() as context:
            return await context.integrations.get(number_id)
