"""Work for later, outside of any turn: voice notes to hear, summaries to make, follow-ups."""

from datetime import timedelta

import orjson

from agent_service.domain.ports import Chore
from common.contracts.trace import current_traceparent
from common.db import Connection
from common.lanes import NewJob, Queue, enqueue

CHORES = Queue(
    "chores", lease=timedelta(seconds=60), longest_wait=timedelta(minutes=1), max_attempts=8
)
"""What is of one kind and one conversation is done in order; all else side by side."""


class PostgresChores:
    """Chores, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.queued = 0
        """How many were added in this transaction."""

    async def add(self, chore: Chore) -> None:
        """Queue a chore; the same name twice is done once."""
        job = NewJob(
            key=f"{chore.tenant}:{chore.lane}",
            command_id=chore.name,
            payload=orjson.dumps(chore.what),
            tenant=chore.tenant,
            due_at=chore.due_at,
            traceparent=current_traceparent.get(),
        )
        await enqueue(self._connection, CHORES, [job])
        self.queued += 1
