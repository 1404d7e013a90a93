"""Statements about the files of messages, and the lanes in which they are fetched."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from common.contracts import ChatId, IntegrationId, Media, MessageId, TenantId
from common.db import Connection, Sql
from common.lanes import NewJob, Queue, enqueue
from whatsapp_service.domain.model.media import FileState
from whatsapp_service.domain.ports.files import Ending, KnownFile, WantedFile

MEDIA = Queue(
    "media",
    lease=timedelta(seconds=60),
    max_attempts=12,
    first_wait=timedelta(seconds=2),
    longest_wait=timedelta(minutes=2),
)
"""A lane per file; what Evolution cannot give in ten minutes it has lost."""

_WANT = Sql("""
    insert into media as m (integration_id, message_id, tenant_id, state, kind, mimetype,
                            file_name, seconds, size)
    select integration_id, message_id, tenant_id, 'waiting', kind, mimetype, file_name, seconds,
           size
    from json_to_recordset(cast(:rows as json)) as row(
        integration_id text, message_id text, tenant_id text, kind text,
        mimetype text, file_name text, seconds bigint, size bigint)
    on conflict (integration_id, message_id) do update set
        state = 'waiting', reason = null, updated_at = now()
        where m.state = 'failed'
    returning integration_id, message_id""")
_GET = Sql("""
    select f.*, m.chat_id from media f
    join whatsapp_message m using (integration_id, message_id)
    where f.integration_id = :integration and f.message_id = :message""")
_END = Sql("""
    update media set
        state = :state, reason = :reason, updated_at = now(),
        mimetype = coalesce(:mimetype, mimetype), size = coalesce(:size, size),
        sha256 = coalesce(:sha, sha256), reference = coalesce(:reference, reference)
    where integration_id = :integration and message_id = :message""")
_DISCARD = Sql("""
    delete from media f using whatsapp_message m
    where m.chat_id = :chat and f.integration_id = m.integration_id
      and f.message_id = m.message_id
    returning f.reference""")
_IN_USE = Sql("""
    select exists (select 1 from media where reference = :reference) or exists (
        select 1 from outbound
        where state in ('queued', 'sending', 'unknown')
          and content -> 'file' ->> 'reference' = :reference)""")
# Only what lies under its day: anything else may be shared with newer messages, or not be ours.
_OLD = Sql("""
    select reference from media
    where state = 'stored' and updated_at < :before and reference ~ '/[0-9]{4}-[0-9]{2}-[0-9]{2}/'
    group by reference order by min(updated_at) limit :limit""")
_EXPIRE = Sql("""
    update media set state = 'expired', reason = :reason, reference = null, updated_at = now()
    where state = 'stored' and updated_at < :before
      and reference = any(cast(:references as text[]))""")
# A lane lives as long as its file is wanted; what was given up may be asked for again.
_FORGET = (
    Sql("delete from lane_job where queue = 'media' and lane_key = :key and state = 'parked'"),
    Sql("delete from lane where queue = 'media' and key = :key and pending = 0"),
)


async def forget_lane(connection: Connection, key: str) -> None:
    """Take away the lane of a file that has ended."""
    for statement in _FORGET:
        await connection.execute(statement, {"key": key})


class PostgresFiles:
    """The files of messages, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def want(self, files: Sequence[WantedFile]) -> None:
        """Note files and have them fetched, each once."""
        if not files:
            return
        rows = orjson.dumps([_row(file) for file in files]).decode()
        noted = await self._connection.execute(_WANT, {"rows": rows})
        waiting = {(row[0], row[1]) for row in noted}
        jobs = [_job(f) for f in files if (f.integration_id, f.message_id) in waiting]
        await enqueue(self._connection, MEDIA, jobs)

    async def get(self, integration_id: IntegrationId, message_id: MessageId) -> KnownFile | None:
        """Find one, with the chat that its message is in by now."""
        values = {"integration": integration_id, "message": message_id}
        row = (await self._connection.execute(_GET, values)).first()
        return None if row is None else _known(row)

    async def discard(self, tenant: TenantId, chat: ChatId, *, keep: Collection[str]) -> None:
        """Forget a chat's files, and have those deleted that are not to be kept."""
        rows = await self._connection.execute(_DISCARD, {"chat": chat})
        gone = {reference for reference in rows.scalars() if reference} - set(keep)
        await enqueue(self._connection, MEDIA, [_discarding(tenant, one) for one in sorted(gone)])

    async def in_use(self, reference: str) -> bool:
        """Whether another message has the file, or one that is to be sent."""
        found = await self._connection.execute(_IN_USE, {"reference": reference})
        return bool(found.scalar())

    async def end(self, file: KnownFile, ending: Ending) -> None:
        """Note what became of it."""
        facts = ending.facts
        await self._connection.execute(
            _END,
            {
                "integration": file.integration_id,
                "message": file.message_id,
                "state": ending.state,
                "reason": ending.reason,
                "mimetype": facts.mimetype if facts else None,
                "size": facts.size if facts else None,
                "sha": facts.sha256 if facts else None,
                "reference": facts.reference if facts else None,
            },
        )

    async def old(self, before: datetime, limit: int) -> list[str]:
        """Name where files are kept that were stored before, the oldest first."""
        values = {"before": before, "limit": limit}
        return (await self._connection.execute(_OLD, values)).scalars()

    async def expire(self, references: Sequence[str], *, before: datetime, reason: str) -> int:
        """Note that what was kept there is gone; returns of how many messages, all from before."""
        values = {"references": list(references), "before": before, "reason": reason}
        return await self._connection.change(_EXPIRE, values)


def _row(file: WantedFile) -> dict[str, Any]:
    return {
        "integration_id": file.integration_id,
        "message_id": file.message_id,
        "tenant_id": file.tenant,
        "kind": file.kind,
        "mimetype": file.media.mimetype,
        "file_name": file.media.file_name,
        "seconds": file.media.seconds,
        "size": file.media.size,
    }


def _job(file: WantedFile) -> NewJob:
    key = f"{file.integration_id}:{file.message_id}"
    hint = {
        "integration": file.integration_id,
        "message": file.message_id,
        "inline": file.inline,
        "parked": file.parked,
    }
    return NewJob(key, command_id=key, payload=orjson.dumps(hint), tenant=file.tenant)


def _discarding(tenant: TenantId, reference: str) -> NewJob:
    key = f"discard:{reference}"
    return NewJob(key, key, orjson.dumps({"discard": reference}), tenant)


def _known(row: Any) -> KnownFile:
    return KnownFile(
        integration_id=IntegrationId(row["integration_id"]),
        message_id=MessageId(row["message_id"]),
        tenant=TenantId(row["tenant_id"]),
        chat_id=ChatId(row["chat_id"]),
        state=FileState(row["state"]),
        kind=row["kind"],
        media=Media(
            mimetype=row["mimetype"],
            size=row["size"],
            file_name=row["file_name"],
            seconds=row["seconds"],
            reference=row["reference"],
        ),
        reason=row["reason"],
    )
