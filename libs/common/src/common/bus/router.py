"""The events one service listens to, and what it does about each."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from common.bus.records import Received
from common.contracts.event import Envelope, Event
from common.contracts.topics import Topic
from common.db import OutboxRow
from common.errors import ParleyError


class AdmitsEvents(Protocol):
    """The inbox of one transaction."""

    async def admit(self, event_ids: Sequence[str]) -> set[str]:
        """Write the ids down and say which are new."""


class TakesRows(Protocol):
    """The outbox of one transaction, as far as dead letters need it."""

    def add_row(self, row: OutboxRow) -> None:
        """Publish a record that is encoded already."""


class MessageContext(Protocol):
    """What the runtime needs of a service's context: the inbox and the outbox in it."""

    @property
    def inbox(self) -> AdmitsEvents:
        """Duplicate detection."""

    @property
    def outbox(self) -> TakesRows:
        """Announcements."""


C = TypeVar("C", bound=MessageContext)
E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Rejection:
    """One event of a batch that can never be handled, and why; its neighbours are unaffected."""

    event_id: str
    error: ParleyError


Handler = Callable[[Envelope[E], C], Awaitable[None]]
BatchHandler = Callable[[Sequence[Envelope[E]], C], Awaitable[Sequence[Rejection] | None]]


class Delivery(NamedTuple):
    """A record with the event in it."""

    record: Received
    envelope: Envelope[Event]


class Router(Generic[C]):
    """The events one service listens to, and what it does about each.

    A handler takes the envelope and the service's context. It must be safe to run twice: a
    transaction that fails is tried again, and the broker may deliver an event again.
    """

    def __init__(self) -> None:
        self._handlers: dict[type[Event], BatchHandler[Any, C]] = {}
        self._names: dict[str, str] = {}

    def on(self, event: type[E]) -> Callable[[Handler[E, C]], Handler[E, C]]:
        """Handle events of a type one by one."""

        def register(handler: Handler[E, C]) -> Handler[E, C]:
            self._add(event, _one_by_one(handler), handler.__name__)
            return handler

        return register

    def on_batch(self, event: type[E]) -> Callable[[BatchHandler[E, C]], BatchHandler[E, C]]:
        """Handle what has gathered of a type at once, in order; return what must be rejected."""

        def register(handler: BatchHandler[E, C]) -> BatchHandler[E, C]:
            self._add(event, handler, handler.__name__)
            return handler

        return register

    def _add(self, event: type[Event], handler: BatchHandler[Any, C], name: str) -> None:
        if event in self._handlers:
            raise ValueError(f"{event.type} has a handler already: {self._names[event.type]}")
        self._handlers[event] = handler
        self._names[event.type] = name

    @property
    def topics(self) -> list[Topic]:
        """The topics to subscribe to."""
        return sorted({event.topic for event in self._handlers})

    @property
    def events(self) -> list[type[Event]]:
        """What this service listens to, for the generated docs."""
        return sorted(self._handlers, key=lambda event: event.type)

    def wants(self, type_: str | None) -> bool:
        """Whether to read a record: a type we handle, or none at all, which is poison."""
        return type_ is None or type_ in self._names

    def name_of(self, type_: str | None) -> str | None:
        """The name of a type's handler, for metrics and logs; None when it has none."""
        return self._names.get(type_ or "")

    async def handle(self, envelopes: Sequence[Envelope[Event]], context: C) -> Sequence[Rejection]:
        """Give events of one type to their handler."""
        handler = self._handlers[type(envelopes[0].event)]
        return await handler(envelopes, context) or ()


def _one_by_one(handler: Handler[E, C]) -> BatchHandler[E, C]:
    async def each(envelopes: Sequence[Envelope[E]], context: C) -> None:
        for envelope in envelopes:
            await handler(envelope, context)

    return each


def waves(deliveries: Sequence[Delivery]) -> list[list[Delivery]]:
    """Group deliveries by event type into as few groups as keep the order of every key."""
    groups: list[list[Delivery]] = []
    kinds: list[type[Event]] = []
    last: dict[str, int] = {}
    newest: dict[type[Event], int] = {}
    for delivery in deliveries:
        kind = type(delivery.envelope.event)
        key = delivery.record.key
        target = newest.get(kind, -1)
        if target < last.get(key, 0) or target < 0:
            target = len(groups)
            groups.append([])
            kinds.append(kind)
            newest[kind] = target
        groups[target].append(delivery)
        last[key] = target
    return groups
