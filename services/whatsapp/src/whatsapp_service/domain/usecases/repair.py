"""Make good what no webhook brought: Evolution's list of messages compared with ours."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from common.contracts import (
    Envelope,
    EventId,
    EvolutionWebhookReceived,
    IntegrationId,
    derived_id,
)
from whatsapp_service.domain.model import Integration
from whatsapp_service.domain.model.levels import is_further
from whatsapp_service.domain.ports import Clock, Context, Lease, MessageKey, Opener, Translate
from whatsapp_service.domain.ports.care import Sweep
from whatsapp_service.domain.ports.numbers import Archive, InstanceGone, Listed
from whatsapp_service.domain.usecases.receive import receive

_OVERLAP = timedelta(minutes=10)
"""Compared twice: clocks differ, and a message is listed a little after it was written."""
_LONGEST = timedelta(days=7)
"""What is older nobody waits for, and Evolution may have tidied it away."""
_PAGE = 100
_MOST_PAGES = 1000


@dataclass(frozen=True, slots=True)
class Repair:
    """Compares one number; done twice, the second finds nothing."""

    open_context: Opener
    archive: Archive
    translate: Translate
    now: Clock
    new_id: Callable[[], str]

    async def sweep(self, number_id: IntegrationId, cause: str, lease: Lease) -> Sweep | None:
        """Compare what was written since the last comparison; None when the number is gone.

        Raises:
            Transient: not now.
        """
        began = self.now()
        async with self.open_context() as context:
            number = await context.integrations.get(number_id)
            until = await context.care.swept_until(number_id)
        if number is None or not number.created or number.deleting:
            await self._end(None, lease)
            return None
        sweep = Sweep(
            id=self.new_id(),
            tenant=number.tenant,
            integration_id=number.id,
            cause=cause,
            # What was there before the number was ours is none of our business.
            since=max((until or began) - _OVERLAP, began - _LONGEST),
            started_at=began,
        )
        try:
            sweep = await self._compare(number, sweep)
        except InstanceGone:
            await self._end(None, lease)
            return None
        await self._end(sweep, lease)
        return sweep

    async def _compare(self, number: Integration, sweep: Sweep) -> Sweep:
        """Go through the pages; what arrives meanwhile only makes them overlap."""
        for page in range(1, _MOST_PAGES + 1):
            listed = await self.archive.list_messages(
                number, since=sweep.since, page=page, size=_PAGE
            )
            async with self.open_context() as context:
                sweep = await self._make_good(context, number, listed.messages, sweep)
            if not listed.more:
                return sweep
        return replace(sweep, complete=False)

    async def _make_good(
        self, context: Context, number: Integration, listed: list[Listed], sweep: Sweep
    ) -> Sweep:
        keys = {MessageKey(number.id, one.message_id): one for one in listed}
        if not keys:
            return sweep
        known = await context.messages.known(list(keys))
        reached = await context.messages.deliveries([k for k, one in keys.items() if one.from_me])
        missing = [one for key, one in keys.items() if key not in known]
        # Pages are the newest first; what is published must be in the order it was written.
        bodies = [one.body for one in reversed(missing)]
        untold = [
            one.level_body
            for key, one in keys.items()
            if one.level_body is not None
            and one.status is not None
            and is_further(one.status, reached.get(key))
        ]
        webhooks = [self._webhook(number, n, body, sweep) for n, body in enumerate(bodies + untold)]
        refused = await receive(context, webhooks, self.translate)
        # What is deliberately no message of ours (stories, channels) is not missing either.
        gained = [key for key in keys if key not in known]
        repaired = len(await context.messages.known(gained)) if gained else 0
        return replace(
            sweep,
            checked=sweep.checked + len(keys),
            missing=sweep.missing + repaired + len(refused),
            repaired=sweep.repaired + repaired,
            levels=sweep.levels + len(untold),
        )

    def _webhook(
        self, number: Integration, place: int, body: dict[str, object], sweep: Sweep
    ) -> Envelope[EvolutionWebhookReceived]:
        # Taken in as if it had come; nobody else is told of it.
        event = EvolutionWebhookReceived.model_validate(
            {"instance": number.instance, "integration_id": number.id, "body": body}
        )
        event_id = EventId(derived_id("evt", sweep.id, f"{sweep.checked + place}"))
        return Envelope(event_id, number.tenant, self.now(), event, "repair")

    async def _end(self, sweep: Sweep | None, lease: Lease) -> None:
        async with self.open_context() as context:
            if sweep is not None:
                await context.care.record(sweep)
            await lease.finish(context)
