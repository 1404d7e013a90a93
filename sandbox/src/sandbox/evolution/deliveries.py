"""The journal of webhook deliveries: what was tried, when, with which result."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from enum import StrEnum

import orjson

from sandbox.wire import Json

_KEPT = 5000


class Outcome(StrEnum):
    """How a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    REFUSED = "refused"
    GAVE_UP = "gave_up"
    DROPPED = "dropped"
    UNREACHABLE = "unreachable"


@dataclass(slots=True)
class Attempt:
    """One HTTP call to the receiver."""

    at: float
    status: int | None
    error: str | None


@dataclass(slots=True)
class Delivery:
    """One event on its way to one receiver."""

    id: int
    instance: str
    event: str
    url: str
    body: bytes
    headers: dict[str, str]
    epoch: int
    outcome: Outcome = Outcome.PENDING
    attempts: list[Attempt] = field(default_factory=list)

    def row(self) -> Json:
        """Describe it for the control door."""
        return {
            "id": self.id,
            "instance": self.instance,
            "event": self.event,
            "url": self.url,
            "outcome": self.outcome,
            "attempts": [
                {"at": attempt.at, "status": attempt.status, "error": attempt.error}
                for attempt in self.attempts
            ],
            "body": orjson.loads(self.body),
        }


class Journal:
    """Counters for ever, and the last few thousand deliveries in full."""

    def __init__(self) -> None:
        self._recent: deque[Delivery] = deque(maxlen=_KEPT)
        self._emitted: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()
        self._attempts = 0
        self._next_id = 1
        self._epoch = 0

    def open(self, instance: str, event: str, url: str, body: bytes) -> Delivery:
        """Enter a new delivery."""
        delivery = Delivery(self._next_id, instance, event, url, body, {}, self._epoch)
        self._next_id += 1
        self._emitted[event] += 1
        self._recent.append(delivery)
        return delivery

    def tried(self, delivery: Delivery, attempt: Attempt) -> None:
        """Add an attempt."""
        delivery.attempts.append(attempt)
        if delivery.epoch == self._epoch:
            self._attempts += 1

    def close(self, delivery: Delivery, outcome: Outcome) -> None:
        """Record how it ended."""
        delivery.outcome = outcome
        if delivery.epoch == self._epoch:
            self._outcomes[outcome] += 1

    def summary(self) -> Json:
        """Return the counters."""
        total = self._emitted.total()
        return {
            "emitted": total,
            "attempts": self._attempts,
            "by_event": dict(self._emitted),
            "by_outcome": {
                **dict.fromkeys(Outcome, 0),
                **self._outcomes,
                Outcome.PENDING: total - self._outcomes.total(),
            },
        }

    def recent(self, instance: str | None, event: str | None) -> list[Json]:
        """Return the remembered deliveries, oldest first, optionally of one instance or event."""
        return [
            delivery.row()
            for delivery in self._recent
            if instance in {None, delivery.instance} and event in {None, delivery.event}
        ]

    def clear(self) -> None:
        """Forget everything; deliveries still under way are not counted any more."""
        self._epoch += 1
        self._attempts = 0
        for store in (self._recent, self._emitted, self._outcomes):
            store.clear()
