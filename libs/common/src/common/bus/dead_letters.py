"""Dead letters: the record as it was, with where it came from and why it ended here."""

from datetime import datetime
from typing import NamedTuple

from common.bus.records import Partition, Received
from common.contracts.cloudevents import TextHeaders
from common.contracts.topics import dead_letters
from common.db import OutboxRow
from common.errors import ParleyError

PREFIX = "dl_"
REPLAYED = "ce_replayed"
_LONGEST_REASON = 500


def dead_letter(service: str, record: Received, error: Exception, attempt: int) -> OutboxRow:
    """Write a record for the service's dead-letter topic; the original headers stay."""
    code = error.code if isinstance(error, ParleyError) else "bug"
    facts = {
        "topic": record.partition.topic,
        "partition": str(record.partition.number),
        "offset": str(record.offset),
        "key": record.key,
        "error": f"{code}:{type(error).__name__}",
        "reason": str(error)[:_LONGEST_REASON],
        "attempt": str(attempt),
    }
    headers = [(name, (value or b"").decode("utf-8", "replace")) for name, value in record.headers]
    headers += [(PREFIX + name, value) for name, value in facts.items()]
    return OutboxRow(dead_letters(service), _storable(record.key), record.value, headers)


class DeadLetter(NamedTuple):
    """A record that a service gave up on, as its dead-letter topic keeps it."""

    place: Partition
    position: int
    """Where it lies in the dead-letter topic."""
    at: datetime
    origin: Partition
    offset: int
    """Where it lay in the topic it came from."""
    key: str
    value: bytes | None
    headers: TextHeaders
    """All of them, ours included."""

    @property
    def facts(self) -> dict[str, str]:
        """What was written down about its end: `error`, `reason`, `attempt`."""
        found = (pair for pair in self.headers if pair[0].startswith(PREFIX))
        return {name.removeprefix(PREFIX): value for name, value in found}

    @property
    def id(self) -> str:
        """The event's id; what is no event goes by its place among the dead letters."""
        return dict(self.headers).get("ce_id") or f"{self.place.number}:{self.position}"

    @property
    def mark(self) -> str:
        """The inbox row that says it was replayed."""
        return f"replay:{self.place.topic}:{self.place.number}:{self.position}"

    def original(self) -> OutboxRow:
        """Give the record as it first came, marked as a replay."""
        kept = [(n, v) for n, v in self.headers if not n.startswith(PREFIX) and n != REPLAYED]
        key = _storable(self.key)
        return OutboxRow(self.origin.topic, key, self.value, [*kept, (REPLAYED, "1")])


def _storable(key: str) -> str:
    """Leave out the one character that Postgres cannot hold; the header `dl_key` has it all."""
    return key.replace("\0", "")


def read_dead_letter(record: Received, at: datetime) -> DeadLetter | None:
    """Read a record of a dead-letter topic; None for one that `dead_letter` did not write."""
    headers = [(name, (value or b"").decode("utf-8", "replace")) for name, value in record.headers]
    facts = dict(headers)
    try:
        origin = Partition(facts[f"{PREFIX}topic"], int(facts[f"{PREFIX}partition"]))
        offset = int(facts[f"{PREFIX}offset"])
    except (KeyError, ValueError):
        return None
    key = facts.get(f"{PREFIX}key", record.key)
    return DeadLetter(
        record.partition, record.offset, at, origin, offset, key, record.value, headers
    )
