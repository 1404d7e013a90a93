"""How far one partition has come: what waits, what is in hand, what may be committed."""

from collections import deque
from collections.abc import Iterable

from common.bus.records import Partition, Received


class Progress:
    """Bookkeeping for one partition from its assignment to its revocation."""

    def __init__(self, partition: Partition) -> None:
        self.partition = partition
        self.pending: deque[Received] = deque()
        self.unfinished: dict[int, Received] = {}
        """By offset and in its order, everything accepted and not finished."""
        self.bytes = 0
        self.busy = False
        """Whether a batch with records of this partition is in hand."""
        self.revoked = False
        self.watermark = 0
        """The offset after the contiguous finished prefix: safe to commit."""
        self.committed = 0
        self._next = 0

    def accept(self, record: Received) -> bool:
        """Queue a record; False for one we have already (a pause makes Kafka send it again)."""
        if self.revoked or record.offset < self._next:
            return False
        self._next = record.offset + 1
        self.unfinished[record.offset] = record
        self.bytes += len(record.value or b"")
        self.pending.append(record)
        return True

    def take(self, count: int) -> list[Received]:
        """Take up to `count` records in order."""
        pending = self.pending
        return [pending.popleft() for _ in range(min(count, len(pending)))]

    def finish(self, records: Iterable[Received]) -> None:
        """Note some finished; the watermark follows the oldest that is not."""
        unfinished = self.unfinished
        before = len(unfinished)
        for record in records:
            if unfinished.pop(record.offset, None) is not None:
                self.bytes -= len(record.value or b"")
        if len(unfinished) < before:
            # Once for all: a dictionary finds its first entry by passing those that are gone.
            self.watermark = next(iter(unfinished), self._next)

    def revoke(self) -> None:
        """Let go of what has not begun."""
        self.revoked = True
        for record in self.pending:
            self.unfinished.pop(record.offset)
            self.bytes -= len(record.value or b"")
        self.pending.clear()
        if self.unfinished:
            # What was let go ends the prefix: nothing after it may be committed.
            self._next = next(reversed(self.unfinished)) + 1

    def oldest_age(self, now: float) -> float:
        """How long the oldest unfinished record has been on the topic, in seconds."""
        oldest = next(iter(self.unfinished.values()), None)
        return max(0.0, now - oldest.written_at) if oldest and oldest.written_at else 0.0
