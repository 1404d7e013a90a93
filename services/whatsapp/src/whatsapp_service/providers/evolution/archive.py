"""What Evolution keeps of a number: its messages, and the files in them.

Facts: Evolution API 2.3.7, observed (https://github.com/evolution-foundation/evolution-api).
"""

import asyncio
from base64 import b64decode
from binascii import Error as NotBase64
from datetime import UTC, datetime
from typing import Any

import orjson

from common.contracts import MessageId
from common.errors import Refused, Unavailable
from common.http import ApiClient, ApiResponse
from whatsapp_service.domain.model import Integration
from whatsapp_service.domain.ports.numbers import Listed, Page
from whatsapp_service.providers.evolution.translation.changes import furthest
from whatsapp_service.providers.evolution.translation.json_values import (
    entries,
    flag,
    identifier,
    integer,
    mapping,
    text,
)

_DOWNLOAD_SECONDS = 60.0
"""Evolution itself waits five seconds before it tries a download again."""
_ENVELOPE_BYTES = 65_536
_FAR = datetime(2100, 1, 1, tzinfo=UTC)


class EvolutionArchive:
    """The messages and files of one Evolution server, with its global key."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def list_messages(
        self, integration: Integration, *, since: datetime, page: int, size: int
    ) -> Page:
        """List what was written since then, the newest first; `offset` is the page's size."""
        answer = await self._api.request(
            "POST",
            f"/chat/findMessages/{integration.instance}",
            json={
                # Both ends are needed, or neither counts.
                "where": {"messageTimestamp": {"gte": iso(since), "lte": iso(_FAR)}},
                "page": page,
                "offset": size,
            },
            safe_to_repeat=True,
            max_bytes=64 * 1024 * 1024,
        )
        found = mapping(mapping(answer.json()).get("messages"))
        records = found.get("records")
        if not isinstance(records, list):
            raise Unavailable("Evolution did not say what it has.")
        listed = [one for one in (_listed(integration, record) for record in records) if one]
        return Page(listed, more=page < (integer(found.get("pages")) or 0))

    async def fetch_file(self, instance: str, message_id: MessageId, *, max_bytes: int) -> bytes:
        """Download the file of a message: 201 with base64; also of ephemeral and view-once ones."""
        answer = await self._api.request(
            "POST",
            f"/chat/getBase64FromMediaMessage/{instance}",
            json={"message": {"key": {"id": message_id}}, "convertToMp4": False},
            safe_to_repeat=True,
            timeout=_DOWNLOAD_SECONDS,
            deadline=_DOWNLOAD_SECONDS,
            # Four bytes for three.
            max_bytes=max_bytes // 3 * 4 + _ENVELOPE_BYTES,
        )
        # Megabytes of text: the event loop has better things to do.
        return await asyncio.to_thread(_file_in, answer)

    async def file_of(self, body: bytes, message_id: MessageId) -> str | None:
        """Find a message's file, in base64, in a webhook's body as it came."""
        return await asyncio.to_thread(_file_of, body, message_id)


def _file_in(answer: ApiResponse) -> bytes:
    encoded = mapping(answer.json()).get("base64")
    if not isinstance(encoded, str) or not encoded:
        raise Refused("Evolution answered without the file.")
    try:
        return b64decode(encoded.rpartition(",")[2], validate=True)
    except (NotBase64, ValueError):
        raise Refused("Evolution answered with a file that is not base64.") from None


def _file_of(body: bytes, message_id: MessageId) -> str | None:
    try:
        whole = mapping(orjson.loads(body))
    except orjson.JSONDecodeError:
        return None
    for one in entries(whole.get("data")):
        data = mapping(one)
        if identifier(mapping(data.get("key")).get("id")) == message_id:
            return text(mapping(data.get("message")).get("base64"))
    return None


def without_files(body: dict[str, Any]) -> dict[str, Any]:
    """Give a webhook's body without the files in it, which is all that makes it large."""
    data = body.get("data")
    stripped = [_without_file(one) for one in entries(data)]
    return {**body, "data": stripped if isinstance(data, list) else (stripped or [None])[0]}


def _without_file(data: Any) -> Any:
    message = mapping(mapping(data).get("message"))
    if "base64" not in message:
        return data
    kept = {name: value for name, value in message.items() if name != "base64"}
    return {**data, "message": kept}


def _listed(integration: Integration, record: Any) -> Listed | None:
    """Read one row: it has the shape of the webhook that should have told of it."""
    data = mapping(record)
    key = mapping(data.get("key"))
    key_id = identifier(key.get("id"))
    if key_id is None:
        return None
    from_me = flag(key.get("fromMe"))
    told = [mapping(one).get("status") for one in entries(data.get("MessageUpdate"))]
    word, status = furthest(told) if from_me else (None, None)
    level = {"keyId": key_id, "remoteJid": key.get("remoteJid"), "fromMe": True, "status": word}
    envelope = {"instance": integration.instance}
    return Listed(
        message_id=MessageId(key_id),
        from_me=from_me,
        status=status,
        body={**envelope, "event": "messages.upsert", "data": data},
        level_body={**envelope, "event": "messages.update", "data": level} if word else None,
    )


def iso(at: datetime) -> str:
    """Write a time as Evolution's filters take it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
