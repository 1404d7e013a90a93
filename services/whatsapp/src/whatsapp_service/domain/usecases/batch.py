"""A batch of webhooks while it is taken in: what was seen, and what will be announced."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from common.contracts import Envelope, Event, EvolutionWebhookReceived
from whatsapp_service.domain.model import Integration, Observation
from whatsapp_service.domain.ports import Context

Webhook = Envelope[EvolutionWebhookReceived]


@dataclass(frozen=True, slots=True)
class Seen:
    """One observation, where it came from, and its place in the batch."""

    place: int
    observation: Observation
    integration: Integration
    webhook: Webhook


@dataclass(slots=True)
class Announcements:
    """Events to publish, each at the place of its cause, so that grouping keeps the order."""

    found: list[tuple[Seen, Event]] = field(default_factory=list)

    def add(self, seen: Seen, events: Iterable[Event]) -> None:
        """Announce events that something seen has caused."""
        self.found.extend((seen, event) for event in events)

    def publish(self, context: Context) -> None:
        """Put them into the outbox in the order of their causes."""
        for seen, event in sorted(self.found, key=lambda row: row[0].place):
            context.outbox.add(
                event, tenant=seen.integration.tenant, traceparent=seen.webhook.traceparent
            )
