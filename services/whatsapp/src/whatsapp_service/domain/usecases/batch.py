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


@dataclass(frozen=True, slots=True)
class Announcement:
    """An event to publish, and what caused it."""

    seen: Seen
    event: Event
    encoded: bytes | None = None


@dataclass(slots=True)
class Announcements:
    """Events to publish, each at the place of its cause, so that grouping keeps the order."""

    found: list[Announcement] = field(default_factory=list)

    def add(self, seen: Seen, events: Iterable[Event]) -> None:
        """Announce events that something seen has caused."""
        self.found.extend(Announcement(seen, event) for event in events)

    def add_encoded(self, seen: Seen, event: Event, encoded: bytes) -> None:
        """Announce an event that is written as JSON already."""
        self.found.append(Announcement(seen, event, encoded))

    def publish(self, context: Context) -> None:
        """Put them into the outbox in the order of their causes."""
        for one in sorted(self.found, key=lambda found: found.seen.place):
            context.outbox.add(
                one.event,
                tenant=one.seen.integration.tenant,
                traceparent=one.seen.webhook.traceparent,
                encoded=one.encoded,
            )
