"""A batch of webhooks while it is taken in: what was seen, and what will be announced."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from common.contracts import ChatId, Envelope, Event, EvolutionWebhookReceived, MessageReceived
from whatsapp_service.domain.model import Integration, Observation
from whatsapp_service.domain.ports import Context, MessageKey

Webhook = Envelope[EvolutionWebhookReceived]


class Seen(NamedTuple):
    """One observation, where it came from, and its place in the batch."""

    place: int
    observation: Observation
    integration: Integration
    webhook: Webhook


class Announcement(NamedTuple):
    """An event to publish, and what caused it."""

    seen: Seen
    event: Event
    encoded: bytes | None = None


@dataclass(slots=True)
class Announcements:
    """Events to publish, each at the place of its cause, so that grouping keeps the order."""

    found: list[Announcement] = field(default_factory=list)
    births: dict[MessageKey, Seen] = field(default_factory=dict)
    """Where in the batch the messages that are new were seen first."""

    def add(self, seen: Seen, events: Iterable[Event]) -> None:
        """Announce events that something seen has caused."""
        self.found.extend(Announcement(seen, event) for event in events)

    def add_about(self, key: MessageKey, seen: Seen, events: Iterable[Event]) -> None:
        """Announce what happened to a message, never before the message itself."""
        birth = self.births.get(key)
        self.add(seen if birth is None or birth.place < seen.place else birth, events)

    def add_encoded(self, seen: Seen, event: Event, encoded: bytes) -> None:
        """Announce an event that is written as JSON already."""
        self.found.append(Announcement(seen, event, encoded))

    def note_wish(self, since: Seen, chat_id: ChatId, *, opted_out: bool) -> None:
        """Say of a chat's messages, from one on, whether their customer wants nothing more."""
        for place, (seen, event, _) in enumerate(self.found):
            if seen.place < since.place or not isinstance(event, MessageReceived):
                continue
            if event.chat_id == chat_id:
                self.found[place] = Announcement(seen, event.amended(opted_out=opted_out))

    def publish(self, context: Context) -> None:
        """Put them into the outbox in the order of their causes."""
        for one in sorted(self.found, key=lambda found: found.seen.place):
            context.outbox.add(
                one.event,
                tenant=one.seen.integration.tenant,
                traceparent=one.seen.webhook.traceparent,
                encoded=one.encoded,
            )
