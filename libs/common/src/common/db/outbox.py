"""What this service will say, written in the transaction of what it did."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import orjson

from common.contracts.cloudevents import Headers, TextHeaders, text_headers
from common.contracts.event import Envelope, Event, utc_now
from common.contracts.ids import EventId, TenantId, uuid7
from common.contracts.trace import current_traceparent
from common.db.database import Connection, Sql

_ADD = Sql("""
    insert into outbox (topic, key, value, headers)
    select topic, key, value, headers
    from unnest(cast(:topics as text[]), cast(:keys as text[]), cast(:values as bytea[]),
                cast(:headers as text[])) with ordinality as row(topic, key, value, headers, n)
    order by n""")


_MANY = 50
"""From here on COPY is cheaper than an insert, for Postgres and for us; tenants write fewer."""


class OutboxRow(NamedTuple):
    """A record that waits to be published."""

    topic: str
    key: str
    value: bytes | None
    headers: TextHeaders


def outbox_row(envelope: Envelope[Event], encoded: bytes | None = None) -> OutboxRow:
    """Write an event as it waits to be published; `encoded` is its JSON, where that is written."""
    event = envelope.event
    value = encoded or event.__pydantic_serializer__.to_json(event, exclude_none=True)
    return OutboxRow(event.topic, event.record_key, value, text_headers(envelope))


def outbox_columns(rows: Sequence[OutboxRow]) -> dict[str, list[Any]]:
    """Give rows as the arrays of a statement that inserts them."""
    return {
        "topics": [row.topic for row in rows],
        "keys": [row.key for row in rows],
        "values": [row.value for row in rows],
        "headers": [orjson.dumps(row.headers).decode() for row in rows],
    }


def unpacked_headers(stored: str) -> Headers:
    """Read the headers of a stored row."""
    return [(name, value.encode()) for name, value in orjson.loads(stored)]


class Outbox:
    """Collects the events of one transaction and writes them with one statement.

    Order per key is the order of commits only if transactions on one key wait for each other:
    lock what the key names (its chat, its conversation) before the transaction ends.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        source: str,
        on_commit: Callable[[], None] = lambda: None,
    ) -> None:
        self._connection = connection
        self._source = source
        self._rows: list[OutboxRow] = []
        self._wake_relay = on_commit
        self._time = utc_now()
        """What happens in one transaction happens at one time."""
        self.written = 0

    def add(
        self,
        event: Event,
        *,
        tenant: TenantId,
        event_id: EventId | None = None,
        traceparent: str | None = None,
        encoded: bytes | None = None,
    ) -> EventId:
        """Announce an event when, and only when, this transaction commits.

        A deterministic `event_id` makes the same announcement twice count once downstream.
        `encoded` is the event as JSON, for a caller who has written it already.
        """
        envelope = Envelope(
            id=event_id or EventId(uuid7()),
            tenant=tenant,
            time=self._time,
            event=event,
            source=self._source,
            traceparent=traceparent or current_traceparent.get(),
        )
        self.add_row(outbox_row(envelope, encoded))
        return envelope.id

    def add_row(self, row: OutboxRow) -> None:
        """Publish a record that is encoded already, such as a dead letter."""
        self._rows.append(row)

    async def flush(self) -> None:
        """Write what was collected; called once, just before the commit."""
        rows, self._rows = self._rows, []
        if len(rows) >= _MANY:
            await self._connection.copy("outbox", OutboxRow._fields, map(_stored, rows))
        elif rows:
            await self._connection.execute(_ADD, outbox_columns(rows))
        self.written += len(rows)

    def committed(self) -> None:
        """Wake the relay; called once, just after the commit."""
        if self.written:
            self._wake_relay()


def _stored(row: OutboxRow) -> tuple[str, str, bytes | None, str]:
    return row.topic, row.key, row.value, orjson.dumps(row.headers).decode()
