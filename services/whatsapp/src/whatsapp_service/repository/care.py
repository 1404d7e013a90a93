"""Statements about looking after numbers: checks, comparisons, and the errands in their lanes."""

from datetime import datetime, timedelta
from typing import Any

from common.contracts import IntegrationId
from common.db import Connection, Sql
from common.lanes import NewJob, Queue, enqueue
from whatsapp_service.domain.model import Integration, Traffic
from whatsapp_service.domain.ports.care import Errand, Sweep
from whatsapp_service.repository.integrations import CHANGED, COLUMNS, read_integration

CARE = Queue(
    "care", lease=timedelta(seconds=60), longest_wait=timedelta(minutes=5), when_parked="hold"
)
"""A lane per number for what operators asked for, and one for its comparisons."""

# A number in doubt is looked at four times as often; one that waits for a phone, a fifth.
_DUE = Sql(f"""
    update integration set check_at = now() + (0.8 + 0.4 * random()) * cast(:every as interval) *
        case when state in ('open', 'degraded') then 1.0
             when state in ('needs_scan', 'refused') then 5.0 else 0.25 end
    where id in (
        select id from integration
        where not deleting and check_at <= now()
          and (created and state <> 'deleted' or creating_until < now())
        order by check_at limit :count for update skip locked)
    returning {COLUMNS}""")
_SWEEP_DUE = Sql("""
    update integration set sweep_at = now() + (0.9 + 0.2 * random()) * cast(:every as interval)
    where id = :id and sweep_at <= now()""")
_SWEEP_QUIET = Sql("""
    update integration i set sweep_at = now()
    where state in ('open', 'degraded') and sweep_at > now() and not exists (
        select 1 from chat c where c.integration_id = i.id and c.last_message_at >= :since)""")
_MISSED = Sql("""
    update integration set
        missed_checks = missed_checks + 1, check_at = least(check_at, now() + :soon)
    where id = :id
    returning missed_checks""")
_ANSWERED = Sql("update integration set missed_checks = 0 where id = :id and missed_checks > 0")
# By way of the chats, whose indexes exist already: an index of its own would cost every send.
_TRAFFIC = Sql("""
    select count(*) as sent,
           count(*) filter (where d.level > 0 or m.deleted_at is not null) as acknowledged,
           (select count(*) from lane l join lane_job j
                on j.queue = l.queue and j.lane_key = l.key and j.seq = l.head_seq
            where l.pace_key = :id and l.pending > 0 and l.attempts > 2
              and j.last_error like 'ConnectionClosed%') as closed
    from (select id from chat
          where integration_id = :id and last_message_at >= :since
            -- Evolution tells no acks of groups.
            and group_id is null
          order by last_message_at desc limit 100) c
    join whatsapp_message m on m.chat_id = c.id and m.command_id is not null
        and m.sent_at >= :since and m.sent_at < :until
    left join delivery d
        on d.integration_id = m.integration_id and d.message_id = m.message_id""")
_CENSUS = Sql("select state, count(*) from integration group by state")
_WAKE = Sql("""
    update lane set due_at = now()
    where pace_key = :id and pending > 0 and not leased
      and held_reason is null and attempts > 0 and due_at > now()""")
_RENAME = Sql(f"""
    update integration set name = :name where id = :id returning pg_notify('{CHANGED}', id)""")
# Believed without end, almost, until the provider is known to have the new address; one that
# leaked, not at all: no clock has a say in it.
_ROTATE = Sql("""
    update integration set
        generation = generation + 1,
        previous_until = case when not :leaked then now() + interval '30 days' end
    where id = :id and created and not deleting and state <> 'deleted'
      and (:leaked or coalesce(previous_until < now(), true))""")
# Never for longer than before: meanwhile an operator may have said that it leaked.
_ROTATED = Sql("""
    update integration set previous_until = :until
    where id = :id and generation = :generation and previous_until > :until""")
_BEGIN_DELETION = Sql("""
    update integration set deleting = true, creating_until = null
    where id = :id and not deleting""")
_DELETED = Sql("""
    update integration set
        deleting = false, created = false, generation = generation + 1, previous_until = :until,
        sealed_token = null
    where id = :id""")
_SWEPT_UNTIL = Sql("select swept_until from integration where id = :id")
_RECORD = Sql("""
    insert into sweep (id, tenant_id, integration_id, cause, since, checked, missing, repaired,
                       levels, complete, started_at)
    values (:id, :tenant, :integration, :cause, :since, :checked, :missing, :repaired,
            :levels, :complete, :started)
    on conflict (id) do nothing""")
_SWEPT = Sql("""
    update integration set swept_until = greatest(swept_until, :started) where id = :id""")


class PostgresCare:
    """How numbers are looked after, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def due(self, count: int, *, every: timedelta) -> list[Integration]:
        """Take numbers whose check is due, and put their next check ahead."""
        rows = await self._connection.execute(_DUE, {"count": count, "every": every})
        return [read_integration(row) for row in rows]

    async def sweep_quiet(self, since: datetime) -> None:
        """Have all working numbers compared at which nothing has happened since then."""
        await self._connection.execute(_SWEEP_QUIET, {"since": since})

    async def sweep_due(self, integration_id: IntegrationId, *, every: timedelta) -> bool:
        """Say whether a comparison is due, and put the next one ahead."""
        values = {"id": integration_id, "every": every}
        return await self._connection.change(_SWEEP_DUE, values) == 1

    async def missed(self, integration_id: IntegrationId, soon: timedelta) -> int:
        """Count a check that got no answer, and check again soon; gives how many in a row."""
        values = {"id": integration_id, "soon": soon}
        return (await self._connection.execute(_MISSED, values)).scalar() or 0

    async def answered(self, integration_id: IntegrationId) -> None:
        """Forget the checks that got no answer."""
        await self._of(_ANSWERED, integration_id)

    async def traffic(
        self, integration_id: IntegrationId, *, since: datetime, until: datetime
    ) -> Traffic:
        """Count what was sent between the two times and what became of it."""
        values = {"id": integration_id, "since": since, "until": until}
        row = (await self._connection.execute(_TRAFFIC, values)).one()
        return Traffic(row["sent"], row["acknowledged"], row["closed"])

    async def want(
        self, integration: Integration, errand: Errand, *, cause: str, after: timedelta
    ) -> None:
        """Have an errand done; asked for again before it began, it is done once."""
        # Comparisons take minutes: what an operator asked for does not wait behind them.
        lane = "repair" if errand is Errand.REPAIR else "care"
        now = (await self._connection.execute(_NOW)).scalar()
        assert isinstance(now, datetime)  # noqa: S101 - it is Postgres's now()
        job = NewJob(
            key=f"{lane}:{integration.id}",
            command_id=f"{errand}:{integration.id}:{_span(now, after)}",
            payload=f"{errand}:{cause}".encode(),
            tenant=integration.tenant,
            # At the end of the span: whatever asks for the same within it asked before it began.
            due_at=_span_end(now, after),
        )
        await enqueue(self._connection, CARE, [job])

    async def wake(self, integration_id: IntegrationId) -> None:
        """Let what waits to be sent for a number be tried at once."""
        await self._of(_WAKE, integration_id)

    async def rename(self, integration_id: IntegrationId, name: str) -> None:
        """Call a number something."""
        await self._connection.execute(_RENAME, {"id": integration_id, "name": name})

    async def rotate(self, integration_id: IntegrationId, *, leaked: bool) -> bool:
        """Begin a new webhook address; False while one before the present one is believed.

        What `leaked` is believed no longer, nor anything before it.
        """
        values = {"id": integration_id, "leaked": leaked}
        return await self._connection.change(_ROTATE, values) == 1

    async def rotated(self, integration: Integration, previous_until: datetime) -> None:
        """Note that the provider has this address, and how long the one before is believed."""
        values = {"id": integration.id, "generation": integration.generation}
        await self._connection.execute(_ROTATED, {**values, "until": previous_until})

    async def begin_deletion(self, integration_id: IntegrationId) -> bool:
        """Mark a number as being removed; False when it is already."""
        return await self._connection.change(_BEGIN_DELETION, {"id": integration_id}) == 1

    async def deleted(self, integration_id: IntegrationId, previous_until: datetime) -> None:
        """Note that the provider has it no longer."""
        await self._connection.execute(_DELETED, {"id": integration_id, "until": previous_until})

    async def swept_until(self, integration_id: IntegrationId) -> datetime | None:
        """Say until when everything was compared."""
        found: datetime | None = await self._of(_SWEPT_UNTIL, integration_id)
        return found

    async def record(self, sweep: Sweep) -> None:
        """Keep what a comparison found; a complete one moves `swept_until`."""
        await self._connection.execute(
            _RECORD,
            {
                "id": sweep.id,
                "tenant": sweep.tenant,
                "integration": sweep.integration_id,
                "cause": sweep.cause,
                "since": sweep.since,
                "checked": sweep.checked,
                "missing": sweep.missing,
                "repaired": sweep.repaired,
                "levels": sweep.levels,
                "complete": sweep.complete,
                "started": sweep.started_at,
            },
        )
        if sweep.complete:
            values = {"id": sweep.integration_id, "started": sweep.started_at}
            await self._connection.execute(_SWEPT, values)

    async def census(self) -> dict[str, int]:
        """Count the numbers by their state."""
        return {row[0]: row[1] for row in await self._connection.execute(_CENSUS)}

    async def _of(self, statement: Sql, integration_id: IntegrationId) -> Any:
        return (await self._connection.execute(statement, {"id": integration_id})).scalar()


_NOW = Sql("select now()")


def _span(now: datetime, length: timedelta) -> int:
    """Number the span of time that a moment is in; without a length, the moment itself."""
    seconds = length.total_seconds()
    return int(now.timestamp() // seconds) if seconds else int(now.timestamp() * 1_000_000)


def _span_end(now: datetime, length: timedelta) -> datetime | None:
    seconds = length.total_seconds()
    if not seconds:
        return None
    return datetime.fromtimestamp((_span(now, length) + 1) * seconds, now.tzinfo)
