"""The one client that can send a WhatsApp message.

Facts: Evolution API 2.3.7, observed (https://github.com/evolution-foundation/evolution-api).
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from common.contracts import Content
from common.errors import OutcomeUnknown, ParleyError, Unavailable
from common.http import ApiClient
from common.telemetry import get_logger
from whatsapp_service.domain.model import SentMessage
from whatsapp_service.domain.ports import MessageRef, Parcel
from whatsapp_service.providers.evolution.archive import iso
from whatsapp_service.providers.evolution.bodies import Call, call_for, key_of
from whatsapp_service.providers.evolution.errors import raise_for, refuse_unsent
from whatsapp_service.providers.evolution.found import (
    is_record_of,
    read_sent,
    records,
    spellings,
)

log = get_logger()

SEND_SECONDS = 20.0
FILE_SECONDS = 60.0
_FOUND_PER_PAGE = 50
_MISTAKES = frozenset(range(400, 600))
_AFTER_THE_FACT = frozenset({400, 408, *range(500, 600)})
"""Answers to a send that we read ourselves. Most say that the number's socket is closed, which is
no failure of the server (its breaker would stop all other numbers); and any 5xx may have come
after the message went out."""
_FOR_EVER = datetime(2100, 1, 1, tzinfo=UTC)


class EvolutionMessenger:
    """The sending half of one Evolution server, with its global key."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def send(self, parcel: Parcel) -> SentMessage:
        """Send one message; sent only if the answer is a success and names the message."""
        route, body = await _prepared(parcel)
        seconds = SEND_SECONDS if parcel.file is None else FILE_SECONDS
        answer = await self._api.request(
            "POST",
            f"/message/{route}/{parcel.instance}",
            json=body,
            timeout=seconds,
            deadline=seconds,
            expect=_AFTER_THE_FACT,
        )
        if answer.status in _AFTER_THE_FACT:
            raise_for(answer)
            raise OutcomeUnknown(f"Evolution answered {answer.status}; it may have sent it.")
        told = answer.json_or_none()
        refuse_unsent(told)
        sent = read_sent(told)
        if sent is None:
            raise OutcomeUnknown("Evolution answered without a message id.")
        return sent

    async def find_sent(
        self, instance: str, jids: Sequence[str], *, content: Content, since: datetime
    ) -> list[SentMessage]:
        """List what was sent to a person with this content since then, oldest first."""
        found: dict[str, SentMessage] = {}
        for spelling in dict.fromkeys(twin for jid in jids for twin in spellings(jid)):
            for record in await self._sent_to(instance, spelling, since):
                sent = read_sent(record)
                if sent is not None and sent.sent_at >= since and is_record_of(record, content):
                    found[sent.message_id] = sent
        return sorted(found.values(), key=lambda sent: sent.sent_at)

    async def _sent_to(self, instance: str, jid: str, since: datetime) -> list[Any]:
        answer = await self._api.request(
            "POST",
            f"/chat/findMessages/{instance}",
            json={
                "where": {
                    "key": {"remoteJid": jid, "fromMe": True},
                    # Both ends are needed, or neither counts.
                    "messageTimestamp": {"gte": iso(since), "lte": iso(_FOR_EVER)},
                },
                "page": 1,
                "offset": _FOUND_PER_PAGE,
            },
            safe_to_repeat=True,
        )
        return records(answer.json())

    async def show_typing(self, instance: str, jid: str, milliseconds: int) -> None:
        """Show "typing…" for a while, which the call waits for; a failure stops nothing."""
        if milliseconds <= 0:
            return
        seconds = milliseconds / 1000 + 10
        try:
            await self._api.request(
                "POST",
                f"/chat/sendPresence/{instance}",
                json={"number": jid, "presence": "composing", "delay": milliseconds},
                timeout=seconds,
                deadline=seconds,
                expect=_MISTAKES,
            )
        except ParleyError as error:
            log.info("evolution.typing_failed", error=str(error))

    async def edit(self, instance: str, target: MessageRef, text: str) -> None:
        """Change the words of a message of ours."""
        body = {"number": target.remote_jid, "key": key_of(target), "text": text}
        await self._act("POST", f"/chat/updateMessage/{instance}", body)

    async def delete(self, instance: str, target: MessageRef) -> None:
        """Delete a message of ours for everyone."""
        await self._act("DELETE", f"/chat/deleteMessageForEveryone/{instance}", key_of(target))

    async def mark_read(self, instance: str, targets: Sequence[MessageRef]) -> None:
        """Show that messages were read; 2.3 drops those of a LID without a word."""
        # The same twice is refused.
        marks = {"readMessages": [key_of(target) for target in dict.fromkeys(targets)]}
        await self._act("POST", f"/chat/markMessageAsRead/{instance}", marks)

    async def _act(self, method: str, path: str, body: dict[str, Any]) -> None:
        answer = await self._api.request(
            method, path, json=body, timeout=SEND_SECONDS, deadline=SEND_SECONDS, expect=_MISTAKES
        )
        if not answer.is_success:
            raise_for(answer)
            raise Unavailable(f"Evolution answered {answer.status}.")


async def _prepared(parcel: Parcel) -> Call:
    if parcel.file is not None and parcel.file.content is not None:
        # Megabytes to encode: the event loop has better things to do.
        return await asyncio.to_thread(call_for, parcel)
    return call_for(parcel)
