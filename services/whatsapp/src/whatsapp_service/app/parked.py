"""Webhooks that were too large for Kafka: their bodies are read before any transaction begins."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from common.bus import Dispatcher, Received, Router
from common.contracts import Topic
from common.errors import NotFound
from common.storage import ObjectStore
from common.telemetry import get_logger
from whatsapp_service.domain.ports import Context, Opener

log = get_logger()

_LONGEST_NOTE = 1024
"""Bytes: an instance, two ids and a key; most bodies are longer, and are not searched."""
_MARK = b'"parked":"'

Strip = Callable[[dict[str, Any]], dict[str, Any]]
"""Takes the files out of a body: they stay where they are parked."""


class ParkedDispatcher(Dispatcher[Context]):
    """Handles records as any dispatcher, those with a parked body as if it had travelled."""

    def __init__(
        self,
        service: str,
        router: Router[Context],
        open_context: Opener,
        store: ObjectStore,
        strip: Strip,
    ) -> None:
        super().__init__(service, router, open_context)
        self._store = store
        self._strip = strip

    async def handle(self, records: Sequence[Received]) -> None:
        """Handle a batch; raises as the dispatcher does, and Unavailable without the store."""
        # One expression, no call: nearly every record passes here for nothing.
        parked = [
            place
            for place, record in enumerate(records)
            if (value := record.value) is not None
            and len(value) < _LONGEST_NOTE
            and _MARK in value
            and record.partition.topic == Topic.EVOLUTION_WEBHOOKS
        ]
        if parked:
            records = list(records)
            for place in parked:
                records[place] = await self._whole(records[place])
        await super().handle(records)

    async def _whole(self, record: Received) -> Received:
        note = orjson.loads(record.value or b"null")
        try:
            parked = await self._store.get(note["parked"])
        except NotFound:
            # Tidied away: it ends in the dead letters, as a webhook without a body.
            log.warning("webhook.parked_body_gone", parked=note["parked"])
            return record
        return record._replace(value=await asyncio.to_thread(self._joined, note, parked))

    def _joined(self, note: dict[str, Any], parked: bytes) -> bytes:
        return orjson.dumps({**note, "body": self._strip(orjson.loads(parked))})
