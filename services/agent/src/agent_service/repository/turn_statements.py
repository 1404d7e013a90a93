"""The SQL of turns that go the short way: many at once, each statement a transaction of its own."""

from agent_service.repository.agents import COLUMNS as AGENT_COLUMNS
from agent_service.repository.statements import (
    COLUMNS,
    FACTS,
    RUN_AGAIN,
    RUN_COLUMNS,
    STEP_COLUMNS,
    STEP_TYPES,
    STEP_VALUES,
    STEPS_AGAIN,
)
from common.db import Sql
from common.lanes import FINISHING

READ = Sql(f"""
    select {COLUMNS}, c.turn_id, cast(a.xmin as text) as agent_version, to_jsonb(t) as allowance,
        {FACTS}, said.*
    from unnest(cast(:ids as text[]), cast(:turns as text[])) as wanted(id, turn)
    join conversation c on c.id = wanted.id and c.turn_id = wanted.turn
    join agent a on a.id = c.agent_id and a.tenant_id = c.tenant_id and a.deleted_at is null
    left join tenant_limit t on t.tenant_id = c.tenant_id
    cross join lateral (
        select array_agg(l.seq) as seqs, array_agg(l.role) as roles, array_agg(l.text) as texts,
               array_agg(l.message_id) as messages, array_agg(l.written_at) as ats,
               array_agg(cast(l.media as text)) as media, array_agg(l.run_id) as runs,
               array_agg(l.speaker) as speakers, array_agg(l.attached) as attached,
               array_agg(l.unsent) as unsent
        from (
            select * from line where conversation_id = c.id order by seq desc limit greatest(
                coalesce(cast(a.settings ->> 'history_messages' as bigint), :usual),
                least(c.last_seq - c.answered_seq, cast(:most as bigint)))) as l) as said
    where c.state = 'bot' and c.last_seq > c.answered_seq and c.pending is null
      and not exists (select 1 from run r where r.turn_id = c.turn_id and r.outcome = 'open')""")
"""One snapshot holds the conversation and its lines, so nothing need be locked: who ends the turn
looks again at what it rests on. The version tells whether we know the agent as it is now."""

AGENTS = Sql(f"""
    select {AGENT_COLUMNS}, cast(xmin as text) as version
    from agent where id = any(cast(:ids as text[])) and deleted_at is null""")

TAKE_REQUESTS = Sql("""
    with bucket as (
        select m.tenant_id, m.scope, w.count, least(w.most, coalesce(m.requests, w.most)
               + extract(epoch from now() - m.requests_at) * w.most / 60.0) as available
        from unnest(cast(:tenants as text[]), cast(:scopes as text[]), cast(:limits as float8[]),
                    cast(:counts as float8[])) as w(tenant, scope, most, count)
        join meter m on m.tenant_id = w.tenant and m.scope = w.scope
        order by m.tenant_id, m.scope for update of m)
    update meter m set requests = b.available - b.count, requests_at = now()
    from bucket b
    where m.tenant_id = b.tenant_id and m.scope = b.scope and b.available >= b.count
    -- A bucket that a crash of Postgres fills again is no reason to wait for the disk.
    returning m.scope, set_config('synchronous_commit', 'off', true)""")
"""All that are asked for of a bucket, or none."""

END = Sql(f"""
    with input as (
        select * from unnest(
            cast(:ids as text[]), cast(:turns as text[]), cast(:uptos as bigint[]),
            cast(:lanes as text[]), cast(:seqs as bigint[]), cast(:tokens as bigint[]),
            cast(:runs as text[])) with ordinality as i(id, turn, upto, key, seq, token, run, n)
    ), held as (
        select i.*, c.next_seq from input i join conversation c on c.id = i.id
        where c.state = 'bot' and c.turn_id = i.turn and c.last_seq <= i.upto
        order by c.id for update of c
    ), ours as (
        select h.id, h.turn, h.upto, h.key, h.seq, h.token, h.n, h.next_seq, r.*
        from held h join lane l on l.queue = :queue and l.key = h.key
        cross join lateral jsonb_to_record(cast(h.run as jsonb)) as r(
            run text, tenant text, agent text, outcome text, answer text, reason text, model text,
            input bigint, cached bigint, output bigint, cost bigint, latency bigint,
            texts jsonb, steps jsonb)
        where l.token = h.token and l.leased
        order by l.key for update of l
    ), closed as (
        update conversation c set
            answered_seq = o.upto, turn_id = null, turn_deadline = null, held_until = null,
            next_seq = c.next_seq + jsonb_array_length(o.texts), updated_at = now()
        from ours o where c.id = o.id
    ), said as (
        insert into line (conversation_id, seq, tenant_id, role, text, written_at, run_id)
        select o.id, o.next_seq + t.n - 1, o.tenant, 'agent', t.text, now(), o.run
        from ours o, jsonb_array_elements_text(o.texts) with ordinality as t(text, n)
    ), ended as (
        insert into run as r {RUN_COLUMNS}
        select run, tenant, id, turn, upto, agent, outcome, answer, reason, model, input, cached,
               output, cost, latency, now()
        from ours {RUN_AGAIN}
    ), stepped as (
        insert into run_step as s {STEP_COLUMNS}
        select o.run, n.seq, o.tenant, o.agent, o.id, {STEP_VALUES}
        from ours o, jsonb_to_recordset(o.steps) as n({STEP_TYPES})
        {STEPS_AGAIN}
    ), published as (
        insert into outbox (topic, key, value, headers)
        select e.topic, e.key, e.value, e.headers
        from unnest(cast(:places as bigint[]), cast(:topics as text[]), cast(:keys as text[]),
                    cast(:values as bytea[]), cast(:headers as text[]))
             with ordinality as e(place, topic, key, value, headers, n)
        join ours o on o.n = e.place
        order by e.n
    ), done as (select key, seq, token, false as more from ours), {FINISHING}
    select id from ours""")
"""Locks conversations before lanes, each in their order, as who listens does; everything else
rests on what these locks found. A turn that was overtaken, or whose lease is lost, is left out.

The lane's next job cannot be missed: while a turn is open, none is put behind it."""
