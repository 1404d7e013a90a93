"""An inbox and an outbox that remember in memory."""

from collections.abc import Sequence

from common.contracts import Event, EventId, TenantId, new_id
from common.db import OutboxRow


class FakeInbox:
    """Passes for the real inbox as long as the process lives."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    async def admit(self, event_ids: Sequence[str]) -> set[str]:
        """Say which ids are new, and remember them."""
        fresh = set(event_ids) - self.seen
        self.seen |= fresh
        return fresh


class FakeOutbox:
    """Keeps what would have been published."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.rows: list[OutboxRow] = []

    def add(
        self,
        event: Event,
        *,
        tenant: TenantId,  # noqa: ARG002 - the real one's signature
        event_id: EventId | None = None,
        traceparent: str | None = None,  # noqa: ARG002 - the real one's signature
        encoded: bytes | None = None,  # noqa: ARG002 - the real one's signature
    ) -> EventId:
        """Keep an event."""
        self.events.append(event)
        return event_id or EventId(new_id("evt"))

    def add_row(self, row: OutboxRow) -> None:
        """Keep a record."""
        self.rows.append(row)
