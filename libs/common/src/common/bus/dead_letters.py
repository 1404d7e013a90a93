"""Dead letters: the record as it was, with where it came from and why it ended here."""

from common.bus.records import Received
from common.contracts.topics import dead_letters
from common.db import OutboxRow
from common.errors import ParleyError

PREFIX = "dl_"
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
    return OutboxRow(dead_letters(service), record.key, record.value, headers)
