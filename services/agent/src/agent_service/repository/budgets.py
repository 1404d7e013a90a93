"""What may be spent: reserved before a model call and settled after it, without a race."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from agent_service.domain.model import (
    Allowance,
    Ask,
    Limits,
    Live,
    Meter,
    Reached,
    Usage,
    Verdict,
    judge,
)
from agent_service.repository.agents import allowance_of
from agent_service.repository.rows import as_json
from common.contracts import TenantId
from common.db import Connection, Sql

RESERVED_FOR = timedelta(minutes=5)
"""After so long without an end, what a run reserved is free again: its worker is dead."""
_TODAY = "(now() at time zone 'utc')::date"

_TAKE_REQUEST = Sql(f"""
    insert into meter as m (tenant_id, scope, requests, day, month)
    values (:tenant, :scope, cast(:limit as double precision) - 1, {_TODAY},
            date_trunc('month', {_TODAY}))
    on conflict (tenant_id, scope) do update set
        requests = greatest(-1, least(cast(:limit as double precision),
            coalesce(m.requests, :limit)
            + extract(epoch from now() - m.requests_at) * :limit / 60.0) - 1),
        requests_at = now()
    -- A bucket that a crash of Postgres fills by one is no reason to wait for the disk.
    returning requests, set_config('synchronous_commit', 'off', true)""")
_GIVE_REQUEST = Sql("""
    update meter set requests = requests + 1 where tenant_id = :tenant and scope = :scope""")

_METER = f"""
    m.scope, m.requests, m.tokens, m.day, m.day_micros, m.month, m.month_micros, m.told,
    extract(epoch from now() - m.requests_at)::float8 as requests_age,
    extract(epoch from now() - m.tokens_at)::float8 as tokens_age, {_TODAY} as today,
    m.counted_for"""
_LOCK = Sql(f"""
    insert into meter as m (tenant_id, scope, day, month)
    select :tenant, s, {_TODAY}, date_trunc('month', {_TODAY})
    from unnest(cast(:scopes as text[])) as s order by s
    on conflict (tenant_id, scope) do update set tenant_id = excluded.tenant_id
    returning {_METER}""")
"""Makes what is missing and locks all, always in the same order; what follows sees the newest."""
_LIVE = Sql("""
    select count(distinct conversation_id) filter (where elsewhere) as runs,
        coalesce(sum(micros), 0)::bigint as micros,
        count(distinct conversation_id) filter (where elsewhere and agent_id = :agent)
            as agent_runs,
        coalesce(sum(micros) filter (where agent_id = :agent), 0)::bigint as agent_micros,
        0::bigint as contact_runs,
        coalesce(sum(micros) filter (where not elsewhere), 0)::bigint as contact_micros
    from (select *, conversation_id <> :contact as elsewhere from reservation) as r
    where tenant_id = :tenant and expires_at > now() and id <> :run""")
"""A conversation is answered by one run at a time; what is done beside it counts with it."""
_RECOUNT = {
    kind: Sql(f"""
        update meter m set
            counted_for = :since, day = {_TODAY}, month = date_trunc('month', {_TODAY}),
            day_micros = used.today, month_micros = used.month
        from (
            select coalesce(sum(cost_micros), 0)::bigint as month, coalesce(sum(cost_micros)
                filter (where created_at >= {_TODAY}::timestamp at time zone 'utc'), 0)::bigint
                as today
            from run_step s
            where model <> '' and {whose} and created_at
                >= date_trunc('month', {_TODAY}::timestamp) at time zone 'utc') as used
        where m.tenant_id = :tenant and m.scope = :scope
        returning {_METER}""")
    for kind, whose in {
        "tenant": "s.tenant_id = :tenant",
        "agent": "s.tenant_id = :tenant and s.agent_id = :agent",
        "contact": "s.conversation_id = :contact and s.agent_id = :agent",
    }.items()
}
"""What was used while nobody counted is in the journals; the meter is locked, so none is missed."""
_WRITE = """
    update meter m set
        requests = case when :granted then n.requests else m.requests end,
        tokens = case when :granted then n.tokens else m.tokens end,
        day = n.day, day_micros = n.day_micros,
        month = n.month, month_micros = n.month_micros, told = n.told,
        requests_at = case when :granted then now() else m.requests_at end,
        tokens_at = case when :granted then now() else m.tokens_at end
    from jsonb_to_recordset(cast(:meters as jsonb)) as n(
        scope text, requests float8, tokens float8, day date, day_micros bigint, month date,
        month_micros bigint, told jsonb)
    where m.tenant_id = :tenant and m.scope = n.scope"""
_TAKE = Sql(f"""
    with old as (
        delete from reservation where tenant_id = :tenant and expires_at <= now() and id <> :run
    ), taken as (
        insert into reservation as r
            (id, tenant_id, agent_id, conversation_id, tokens, micros, expires_at)
        select :run, :tenant, :agent, :contact, :tokens, :micros, now() + :lasts where :granted
        on conflict (id) do update set
            tokens = excluded.tokens, micros = excluded.micros, expires_at = excluded.expires_at
    ) {_WRITE}""")
_SETTLE = Sql(f"""
    with gone as (delete from reservation where id = :run returning tokens)
    update meter m set
        day = {_TODAY}, month = date_trunc('month', {_TODAY}),
        day_micros = :micros + case when m.day = {_TODAY} then m.day_micros else 0 end,
        month_micros = :micros + case
            when m.month = date_trunc('month', {_TODAY}) then m.month_micros else 0 end,
        tokens = m.tokens + coalesce((select tokens from gone), cast(:tokens as bigint)) - :tokens
    where m.tenant_id = :tenant and m.scope = any(cast(:scopes as text[]))""")
_RELEASE = Sql("""
    with gone as (delete from reservation where id = :run returning tokens)
    update meter m set tokens = m.tokens + gone.tokens from gone
    where m.tenant_id = :tenant and m.scope = any(cast(:scopes as text[]))""")
OF_TENANT = Sql("""
    select limits, ceiling, updated_at from tenant_limit where tenant_id = :tenant""")
_SET_FOR_TENANT = Sql("""
    insert into tenant_limit (tenant_id, limits) values (:tenant, cast(:limits as jsonb))
    on conflict (tenant_id) do update set limits = excluded.limits, updated_at = now()""")


class PostgresBudgets:
    """Budgets, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def reserve(self, ask: Ask) -> tuple[float, Reached | None, tuple[Reached, ...]]:
        """Take what a call may use at most, for every scope or for none."""
        if ask.is_free:
            return await self._take_request(ask), None, ()
        locked = await self._connection.execute(
            _LOCK, {"tenant": ask.tenant, "scopes": [scope.name for scope in ask.scopes]}
        )
        meters = {row["scope"]: row for row in locked}
        await self._count_in(ask, meters)
        live = (await self._connection.execute(_LIVE, _owner(ask))).one()
        verdicts = [_judged(ask, n, meters, live) for n in range(len(ask.scopes))]
        granted = all(verdict.granted for verdict in verdicts)
        news = tuple(one for verdict in verdicts for one in verdict.news)
        if granted or news:
            await self._write(ask, verdicts, granted=granted)
        refused = next((v.refused for v in verdicts if v.refused is not None), None)
        return max(verdict.wait for verdict in verdicts), refused, news

    async def _take_request(self, ask: Ask) -> float:
        per_minute = ask.requests_per_minute
        if per_minute is None:
            return 0.0
        values = {"tenant": ask.tenant, "scope": ask.scopes[0].name}
        row = await self._connection.execute(_TAKE_REQUEST, values | {"limit": float(per_minute)})
        left = float(row.one()[0])
        if left >= 0:
            return 0.0
        await self._connection.execute(_GIVE_REQUEST, values)
        return -left * 60.0 / per_minute

    async def _count_in(self, ask: Ask, meters: dict[str, Any]) -> None:
        """Count what was used before a limit on money was set, or while it was not."""
        for scope in ask.scopes:
            if scope.limits.in_money and meters[scope.name]["counted_for"] != scope.since:
                values = {**_owner(ask), "scope": scope.name, "since": scope.since}
                rows = await self._connection.execute(_RECOUNT[scope.kind], values)
                meters[scope.name] = rows.one()

    async def _write(self, ask: Ask, verdicts: Sequence[Verdict], *, granted: bool) -> None:
        meters = [
            _written(scope.name, verdict.meter)
            for scope, verdict in zip(ask.scopes, verdicts, strict=True)
        ]
        await self._connection.execute(
            _TAKE,
            {
                **_owner(ask),
                "tokens": ask.tokens,
                "micros": ask.micros,
                "lasts": RESERVED_FOR,
                "granted": granted,
                "meters": as_json(meters),
            },
        )

    async def settle(self, ask: Ask, usage: Usage, micros: int) -> None:
        """Put what was really used in the place of what was reserved."""
        if not ask.is_free:
            used = {"micros": micros, "tokens": usage.total}
            await self._connection.execute(_SETTLE, {**_scopes(ask), **used})

    async def release(self, ask: Ask) -> None:
        """Give back what was reserved and not used."""
        await self._connection.execute(_RELEASE, _scopes(ask))

    async def of_tenant(self, tenant: TenantId) -> Allowance:
        """Read what a whole tenant may use."""
        return allowance_of((await self._connection.execute(OF_TENANT, {"tenant": tenant})).first())

    async def set_for_tenant(self, tenant: TenantId, limits: Limits) -> None:
        """Write what it allows itself."""
        values = {"tenant": tenant, "limits": as_json(asdict(limits))}
        await self._connection.execute(_SET_FOR_TENANT, values)


def _owner(ask: Ask) -> dict[str, Any]:
    return {"run": ask.run, "tenant": ask.tenant, "agent": ask.agent, "contact": ask.contact}


def _scopes(ask: Ask) -> dict[str, Any]:
    return {"run": ask.run, "tenant": ask.tenant, "scopes": [one.name for one in ask.scopes]}


def _judged(ask: Ask, place: int, meters: dict[str, Any], live: Any) -> Verdict:
    scope = ask.scopes[place]
    row = meters[scope.name]
    prefix = ("", "agent_", "contact_")[place]
    others = Live(live[f"{prefix}runs"], live[f"{prefix}micros"])
    meter = Meter(
        requests=row["requests"],
        tokens=row["tokens"],
        requests_age=row["requests_age"],
        tokens_age=row["tokens_age"],
        day=row["day"],
        day_micros=row["day_micros"],
        month=row["month"],
        month_micros=row["month_micros"],
        told=row["told"],
    )
    return judge(ask, scope, meter, others, row["today"])


def _written(scope: str, meter: Meter) -> dict[str, Any]:
    return {
        "scope": scope,
        "requests": meter.requests,
        "tokens": meter.tokens,
        "day": meter.day,
        "day_micros": meter.day_micros,
        "month": meter.month,
        "month_micros": meter.month_micros,
        "told": meter.told,
    }
