"""Webhooks that were too large for Kafka: their bodies are read before any transaction begins."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from common.bus import Dispatcher, Received, Router, Values, place_of
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

    async def _values(self, records: Sequence[Received]) -> Values:
        """Fetch the parked bodies; raises Unavailable without the store."""
        # One expression, no call: nearly every record passes here for nothing.
        parked = [
            record
            for record in records
            if (value := record.value) is not None
            and len(value) < _LONGEST_NOTE
            and _MARK in value
            and record.partition.topic == Topic.EVOLUTION_WEBHOOKS
        ]
        found = {place_of(record): await self._whole(record) for record in parked}
        return {place: value for place, value in found.items() if value is not None}

    async def _whole(self, record: Received) -> bytes | None:
        note = _note(record)
        if note is None:
            return None
        try:
            parked = await self._store.get(note["parked"])
        except NotFound:
            # Tidied away: it ends in the dead letters, as a webhook without a body.
            log.warning("webhook.parked_body_gone", parked=note["parked"])
            return None
        return await asyncio.to_thread(self._joined, note, parked)

    def _joined(self, note: dict[str, Any], parked: bytes) -> bytes:
        return orjson.dumps({**note, "body": self._strip(orjson.loads(parked))})


def _note(record: Received) -> dict[str, Any] | None:
    """Read where a body is parked; None for a record that only looks as if one were."""
    try:
        note = orjson.loads(record.value or b"")
    except ValueError:
        return None
    return note if isinstance(note, dict) and isinstance(note.get("parked"), str) else None
