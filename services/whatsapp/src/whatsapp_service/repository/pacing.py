"""Statements about the pace of numbers, and the signs by which it is set."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from common.contracts import IntegrationId, TenantId
from common.db import Connection, Sql
from whatsapp_service.domain.model.pacing import NumberFacts, NumberPlan, Pace, Signs
from whatsapp_service.domain.ports.pacing import NumberHealth, PaceNow
from whatsapp_service.repository.outbound_rows import broadcast_pace
from whatsapp_service.repository.settings_rows import SETTINGS_COLUMNS, read_settings

WINDOW = timedelta(hours=1)
"""How far back the signs are read."""
PATIENCE = timedelta(minutes=5)
"""How long a message may be without an acknowledgement before that means something."""

_OURS = Sql("select pg_try_advisory_xact_lock(hashtext('whatsapp.paces'))")
_WITH_OTHERS = Sql("select pg_advisory_xact_lock_shared(hashtext('whatsapp.paces'))")
# Messages to groups, and those of Evolution's own channel, are never acknowledged.
_NUMBERS = Sql(f"""
    with span as (
        select cast(:now as timestamptz) - cast(:window as interval) as since,
               cast(:now as timestamptz) - cast(:patience as interval) as old
    ), signs as (
        select o.integration_id, count(*) filter (where o.sent_at < old) as sent,
               count(*) filter (where o.sent_at < old and coalesce(d.level, 0) = 0) as pending,
               count(*) filter (where d.status = 'failed') as refused
        from span join outbound o on o.created_at > since - cast(:window as interval)
                                 and o.sent_at > since
        left join delivery d on d.integration_id = o.integration_id
                             and d.message_id = o.message_id
        where o.state = 'sent' and o.message_id is not null
          and coalesce(o.remote_jid, '') not like '%@g.us'
        group by o.integration_id
    )
    select i.id, i.tenant_id, i.state, h.first_open_at, coalesce(h.risk, 0) as risk, h.updated_at,
           coalesce(signs.sent, 0) as sent, coalesce(signs.pending, 0) as pending,
           coalesce(signs.refused, 0) as refused,
           case when r.day = current_date then r.spent else 0 end as replies,
           case when b.day = current_date then b.spent else 0 end as broadcasts,
           {SETTINGS_COLUMNS}
    from integration i
    left join number_health h on h.integration_id = i.id
    left join signs on signs.integration_id = i.id and i.transport <> 'evolution'
    left join sending_settings s on s.tenant_id = i.tenant_id
    left join pace r on r.key = i.id
    left join pace b on b.key = i.id || cast(:broadcast as text)
    where i.created and i.state <> 'deleted'
    order by i.id""")
_HEALTH = Sql("""
    insert into number_health as h
        (integration_id, tenant_id, risk, sent, pending, refused, updated_at)
    select row.*, cast(:now as timestamptz) from json_to_recordset(cast(:rows as json)) as row(
        integration_id text, tenant_id text, risk float8, sent bigint, pending bigint,
        refused bigint)
    on conflict (integration_id) do update set
        risk = excluded.risk, sent = excluded.sent, pending = excluded.pending,
        refused = excluded.refused, updated_at = excluded.updated_at
        where (h.sent, h.pending, h.refused)
                  is distinct from (excluded.sent, excluded.pending, excluded.refused)
           or abs(h.risk - excluded.risk) > 0.01""")
_HEALTH_OF = Sql("""
    select i.state, h.first_open_at, coalesce(h.risk, 0) as risk, coalesce(h.sent, 0) as sent,
           coalesce(h.pending, 0) as pending, coalesce(h.refused, 0) as refused, h.updated_at
    from integration i left join number_health h on h.integration_id = i.id
    where i.id = :id""")
_PACES_OF = Sql("""
    select p.key, p.gap, p.next_at, p.budget,
           case when p.day = current_date then p.spent else 0 end as spent,
           (select count(*) from lane l where l.pace_key = p.key and l.pending > 0) as waiting
    from pace p where p.key = any(cast(:keys as text[]))""")
# A pause is set by moving the next slot into the future, and lifted by moving it back. Most numbers
# stay as they are, and are not written.
_KEEP = Sql("""
    insert into pace as p (key, tenant_id, gap, jitter, burst, budget, next_at)
    select row.key, row.tenant_id, make_interval(secs => row.gap), row.jitter, row.burst,
           row.budget, coalesce(row.not_before, now())
    from json_to_recordset(cast(:rows as json)) as row(
        key text, tenant_id text, gap float8, jitter float8, burst bigint, budget bigint,
        not_before timestamptz)
    order by row.key
    on conflict (key) do update set
        gap = excluded.gap, jitter = excluded.jitter, burst = excluded.burst,
        budget = excluded.budget,
        next_at = case
            when excluded.next_at > now() then greatest(p.next_at, excluded.next_at)
            else least(p.next_at, now() + excluded.gap * (excluded.burst + excluded.jitter)) end
        where (p.gap, p.jitter, p.burst, p.budget)
                  is distinct from (excluded.gap, excluded.jitter, excluded.burst, excluded.budget)
           or (excluded.next_at > now() and p.next_at < excluded.next_at)
           or (excluded.next_at <= now()
               and p.next_at > now() + excluded.gap * (excluded.burst + excluded.jitter))""")
_LET_GO = Sql("delete from pace where key = any(cast(:keys as text[]))")
_ALIVE = frozenset({"open", "degraded"})


class PostgresPaces:
    """Paces and what is known of numbers, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def ours(self) -> bool:
        """Whether all numbers are ours to look at; holds until the transaction ends."""
        return bool((await self._connection.execute(_OURS)).scalar())

    async def with_others(self) -> None:
        """Wait until nobody has all numbers to himself; holds until the transaction ends."""
        await self._connection.execute(_WITH_OTHERS)

    async def numbers(self, now: datetime) -> list[NumberFacts]:
        """Give every number that this transaction may see, with what became of its messages."""
        rows = await self._connection.execute(
            _NUMBERS,
            {
                "now": now,
                "window": WINDOW,
                "patience": PATIENCE,
                "broadcast": broadcast_pace(""),
            },
        )
        return [_facts(row) for row in rows]

    async def health(self, integration_id: IntegrationId) -> NumberHealth | None:
        """Show what is known of a number; None when there is no such number."""
        row = (await self._connection.execute(_HEALTH_OF, {"id": integration_id})).first()
        if row is None:
            return None
        apart = broadcast_pace(integration_id)
        rows = await self._connection.execute(_PACES_OF, {"keys": [integration_id, apart]})
        paces = {one["key"]: PaceNow(*list(one)[1:]) for one in rows}
        return NumberHealth(
            state=row["state"],
            first_open_at=row["first_open_at"],
            risk=row["risk"],
            signs=Signs(row["sent"], row["pending"], row["refused"]),
            checked_at=row["updated_at"],
            replies=paces.get(integration_id),
            broadcasts=paces.get(apart),
        )

    async def keep(self, plans: Sequence[NumberPlan]) -> None:
        """Set paces and note risks."""
        if not plans:
            return
        # A number that was never open has no age yet.
        known = [p for p in plans if p.facts.is_open or p.facts.first_open_at is not None]
        now = plans[0].now
        await self._connection.execute(
            _HEALTH, {"now": now, "rows": _json([_health(plan) for plan in known])}
        )
        paces = [
            row
            for plan in plans
            for row in (
                _pace(broadcast_pace(plan.facts.integration_id), plan, plan.broadcasts),
                _pace(plan.facts.integration_id, plan, plan.replies),
            )
            if row is not None
        ]
        await self._connection.execute(_KEEP, {"rows": _json(paces)})
        free = [plan.facts.integration_id for plan in plans if plan.replies is None]
        await self._connection.execute(_LET_GO, {"keys": free})


def _facts(row: Any) -> NumberFacts:
    return NumberFacts(
        integration_id=IntegrationId(row["id"]),
        tenant=TenantId(row["tenant_id"]),
        settings=read_settings(row),
        is_open=row["state"] in _ALIVE,
        first_open_at=row["first_open_at"],
        risk=row["risk"],
        updated_at=row["updated_at"],
        signs=Signs(row["sent"], row["pending"], row["refused"]),
        replies_today=row["replies"] or 0,
        broadcasts_today=row["broadcasts"] or 0,
    )


def _health(plan: NumberPlan) -> dict[str, Any]:
    signs = plan.facts.signs
    return {
        "integration_id": plan.facts.integration_id,
        "tenant_id": plan.facts.tenant,
        "risk": plan.risk,
        "sent": signs.sent,
        "pending": signs.pending,
        "refused": signs.refused,
    }


def _pace(key: str, plan: NumberPlan, pace: Pace | None) -> dict[str, Any] | None:
    if pace is None:
        return None
    return {
        "key": key,
        "tenant_id": plan.facts.tenant,
        "gap": pace.gap.total_seconds(),
        "jitter": pace.jitter,
        "burst": pace.burst,
        "budget": pace.budget,
        "not_before": pace.not_before,
    }


def _json(rows: list[dict[str, Any]]) -> str:
    return orjson.dumps(rows).decode()
