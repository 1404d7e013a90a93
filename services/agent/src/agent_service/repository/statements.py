"""The SQL of conversations."""

from agent_service.domain.model.conversations import TAKEN_BACK
from common.db import Sql

COLUMNS = """
    c.id, c.tenant_id, c.agent_id, c.integration_id, c.chat_id, c.state, c.last_seq,
    c.answered_seq, c.summary, c.summary_upto, c.pending, c.human_until, c.known_as,
    c.updated_at"""

FACTS = """(
        select jsonb_agg(jsonb_build_array(f.name, f.value) order by f.name) from (
            select name, value from contact_fact
            where tenant_id = c.tenant_id and contact_id = c.chat_id and kind = 'fact'
            order by updated_at desc, name limit 100) f
    ) as facts"""
"""What an agent may know of a contact, the newest by name; notes are the team's."""

LOCK = Sql("""
    insert into conversation as c
        (id, tenant_id, agent_id, integration_id, chat_id, known_as, next_seq, last_seq)
    select *, 1, 0 from unnest(
        cast(:ids as text[]), cast(:tenants as text[]), cast(:agents as text[]),
        cast(:integrations as text[]), cast(:chats as text[]), cast(:known_as as text[]))
    on conflict (id) do update set
        agent_id = excluded.agent_id, updated_at = now(),
        known_as = coalesce(nullif(excluded.known_as, ''), c.known_as),
        state = case when c.human_until <= :now or c.forgotten_at is not null then 'bot'
                     else c.state end,
        forgotten_at = null
    returning id, state, turn_id, turn_deadline, held_until, follow_ups, paused_as""")
"""Makes what is missing and locks all: from here on, nobody else numbers their lines.

A conversation whose time with a person is over is the agent's again; what it was before then
stays in `paused_as` until somebody has told the world."""

ADD_LINES = Sql("""
    with input as (
        select distinct on (conversation_id, message_id) *
        from unnest(
            cast(:conversations as text[]), cast(:tenants as text[]), cast(:roles as text[]),
            cast(:texts as text[]), cast(:messages as text[]), cast(:ats as timestamptz[]),
            cast(:media as text[]), cast(:speakers as text[]), cast(:attached as text[]),
            cast(:opted_out as boolean[])
        ) with ordinality as row(
            conversation_id, tenant_id, role, text, message_id, at, media, speaker, attached,
            opted_out, n)
        order by conversation_id, message_id, n
    ), fresh as (
        select input.*, row_number() over (partition by conversation_id order by n) as place
        from input
        where not exists (
            select 1 from line l
            where l.conversation_id = input.conversation_id and l.message_id = input.message_id)
    ), counted as (
        update conversation c set
            next_seq = c.next_seq + f.size,
            last_seq = case when f.last_customer is null then c.last_seq
                            else c.next_seq + f.last_customer - 1 end,
            answered_seq = case when f.last_passed_over is null then c.answered_seq
                                else c.next_seq + f.last_passed_over - 1 end
        from (select conversation_id, count(*) as size,
                     max(place) filter (where role = 'customer') as last_customer,
                     max(place) filter (where opted_out) as last_passed_over
              from fresh group by conversation_id) as f
        where c.id = f.conversation_id
        returning c.id, c.next_seq - f.size as first_seq
    )
    insert into line (conversation_id, seq, tenant_id, role, text, message_id, written_at, media,
                      speaker, attached, opted_out)
    select f.conversation_id, counted.first_seq + f.place - 1, f.tenant_id, f.role, f.text,
           f.message_id, f.at, cast(f.media as jsonb), f.speaker, f.attached, f.opted_out
    from fresh f join counted on counted.id = f.conversation_id
    returning conversation_id, message_id, seq""")

OPEN_TURNS = Sql("""
    update conversation c set turn_id = i.turn, turn_deadline = i.deadline, held_until = i.held
    from unnest(cast(:ids as text[]), cast(:turns as text[]), cast(:deadlines as timestamptz[]),
                cast(:helds as timestamptz[])) as i(id, turn, deadline, held)
    where c.id = i.id""")
HOLD_TURN = Sql("update conversation set held_until = :held where id = :id")
CLOSE_TURN = Sql("""
    update conversation set turn_id = null, turn_deadline = null, held_until = null
    where id = :id""")
TURN_FAILURES = Sql("""
    select j.command_id, l.attempts from lane_job j
    join lane l on l.queue = j.queue and l.key = j.lane_key
    where j.queue = :queue and j.command_id = any(cast(:turns as text[]))
      and j.state = 'queued'""")
"""How often open turns have failed; no row when there is no job left that would answer one."""

TURN = Sql(f"""
    select {COLUMNS}, to_jsonb(a) as agent, to_jsonb(t) as allowance, {FACTS}, (
        select jsonb_build_object('id', r.id, 'upto', r.upto_seq, 'agent', r.agent_id, 'steps', (
            select coalesce(jsonb_agg(to_jsonb(s) order by s.seq), '[]')
            from run_step s where s.run_id = r.id))
        from run r where r.turn_id = c.turn_id and r.outcome = 'open') as run
    from conversation c
    left join agent a
        on a.id = c.agent_id and a.tenant_id = c.tenant_id and a.deleted_at is null
    left join tenant_limit t on t.tenant_id = c.tenant_id
    where c.id = :id and c.turn_id = :turn
    for update of c""")
"""A turn is answered by one run at a time: what another began is found here, with its steps."""

RUN_COLUMNS = """
        (id, tenant_id, conversation_id, turn_id, upto_seq, agent_id, outcome, answer, reason,
         model, input_tokens, cached_tokens, output_tokens, cost_micros, latency_ms, ended_at)"""
RUN_AGAIN = """
    on conflict (id) do update set
        outcome = excluded.outcome, answer = excluded.answer, reason = excluded.reason,
        model = excluded.model, input_tokens = excluded.input_tokens,
        cached_tokens = excluded.cached_tokens, output_tokens = excluded.output_tokens,
        cost_micros = excluded.cost_micros, latency_ms = excluded.latency_ms, ended_at = now()"""
_RUN = f"""
    insert into run as r {RUN_COLUMNS}
    values (:run, :tenant, :id, :turn, :upto, :agent, :outcome, :answer, :reason,
            :model, :input, :cached, :output, :cost, :latency, now())
    {RUN_AGAIN}"""
STEP_COLUMNS = """
        (run_id, seq, tenant_id, agent_id, conversation_id, kind, state, name, call_id, input,
         output, model, input_tokens, cached_tokens, output_tokens, cost_micros, priced,
         latency_ms)"""
STEP_VALUES = """
           n.kind, n.state, n.name, n.call_id, n.input, n.output, n.model, n.input_tokens,
           n.cached_tokens, n.output_tokens, n.cost_micros, n.priced, n.latency_ms"""
STEP_TYPES = """
        seq bigint, kind text, state text, name text, call_id text, input jsonb, output jsonb,
        model text, input_tokens bigint, cached_tokens bigint, output_tokens bigint,
        cost_micros bigint, priced boolean, latency_ms bigint"""
STEPS_AGAIN = """
    on conflict (run_id, seq) do update set
        state = excluded.state, output = excluded.output, latency_ms = excluded.latency_ms,
        updated_at = now()"""
STEPS = f"""
    insert into run_step as s {STEP_COLUMNS}
    select :run, n.seq, :tenant, :agent, :id, {STEP_VALUES}
    from jsonb_to_recordset(cast(:steps as jsonb)) as n({STEP_TYPES})
    {STEPS_AGAIN}"""

ANSWERED = Sql(f"""
    with closed as (
        update conversation c set
            answered_seq = greatest(c.answered_seq, :upto),
            turn_id = null, turn_deadline = null, updated_at = now(),
            held_until = case when c.last_seq > greatest(c.answered_seq, :upto)
                              then c.held_until end,
            next_seq = c.next_seq + cardinality(cast(:texts as text[]))
        where c.id = :id
        returning c.last_seq, c.answered_seq, c.held_until,
                  c.next_seq - cardinality(cast(:texts as text[])) as first_seq
    ), said as (
        insert into line (conversation_id, seq, tenant_id, role, text, written_at, run_id)
        select :id, closed.first_seq + t.n - 1, :tenant, 'agent', t.text, :at, :run
        from closed, unnest(cast(:texts as text[])) with ordinality as t(text, n)
    ), ended as ({_RUN}), stepped as ({STEPS})
    select last_seq, answered_seq, held_until from closed""")
"""Who opted out meanwhile waits for no answer: `answered_seq` is not taken back."""
SET_ASIDE = Sql(f"with ended as ({_RUN}) {STEPS}")

HELD = Sql("select last_seq, state from conversation where id = :id for update")
CHANGE_STATE = Sql("""
    update conversation set
        state = :state, human_until = :until, updated_at = now(),
        paused_as = case when :state in ('human', 'handoff_requested') then :state end
    where id = :id""")
PASS_OVER = Sql("""
    update conversation set
        answered_seq = :upto, turn_id = null, turn_deadline = null, held_until = null
    where id = :id""")
SAY_AS_PERSON = Sql("""
    with moved as (
        update conversation c set
            next_seq = c.next_seq + 1, updated_at = now(), answered_seq = c.last_seq
        where c.id = :id and not exists (
            select 1 from line l where l.conversation_id = :id and l.message_id = :command)
        returning c.next_seq - 1 as seq, c.tenant_id
    )
    insert into line (conversation_id, seq, tenant_id, role, text, written_at, message_id)
    select :id, moved.seq, moved.tenant_id, 'human', :text, :at, :command from moved""")
SAID_BY = Sql("select text from line where conversation_id = :id and message_id = :command")
SET_PENDING = Sql("update conversation set pending = cast(:pending as jsonb) where id = :id")
SUMMARISED = Sql("""
    update conversation set summary = :summary, summary_upto = :upto
    where id = :id and summary_upto < :upto""")
SAY = Sql("""
    with moved as (
        update conversation c set next_seq = c.next_seq + 1, updated_at = now()
        where c.id = :id returning c.next_seq - 1 as seq, c.tenant_id
    )
    insert into line (conversation_id, seq, tenant_id, role, text, written_at, message_id)
    select :id, moved.seq, moved.tenant_id, 'agent', :text, :at, :command from moved""")
UNSENT = Sql("update line set unsent = true where conversation_id = :id and seq = :seq")

_OF_MESSAGE = f"where conversation_id = :id and message_id = :message and text <> '{TAKEN_BACK}'"
MEDIA_CAME = Sql(f"update line set media = cast(:media as jsonb) {_OF_MESSAGE}")
HEARD = Sql(f"""
    update line set text = coalesce(:text, text),
                    media = media || jsonb_build_object('state', cast(:state as text))
    {_OF_MESSAGE}""")
OPTED_OUT = Sql("""
    select opted_out from line where conversation_id = :id and message_id = :message""")
AMEND = Sql(f"update line set text = :text {_OF_MESSAGE}")
TAKE_BACK = Sql(f"""
    update line set text = '{TAKEN_BACK}', media = null, attached = '' {_OF_MESSAGE}""")
RELEASE = Sql("""
    update conversation c set held_until = null
    from agent a
    where c.id = :id and c.held_until is not null and a.id = c.agent_id
      and not exists (
        select 1 from line l where l.conversation_id = c.id and l.seq > c.answered_seq
        and l.role = 'customer' and l.media ->> 'state' = 'awaited')
    returning c.tenant_id, c.turn_id, c.updated_at,
              cast(a.settings ->> 'quiet_seconds' as float8) as quiet""")

EVERY = Sql(f"""
    select {COLUMNS} from conversation c
    where (cast(:state as text) is null or c.state = :state) and c.forgotten_at is null
      and (c.updated_at, c.id) < (cast(:at as timestamptz), cast(:id as text))
    order by c.updated_at desc, c.id desc limit :limit""")
GET = Sql(f"select {COLUMNS} from conversation c where c.id = :id and c.forgotten_at is null")
LINES = Sql("""
    select seq, role, text, message_id, written_at, media, run_id, speaker, attached, unsent,
           opted_out
    from line
    where conversation_id = :id and seq > :after
      and (cast(:upto as bigint) is null or seq <= :upto)
    order by seq desc limit :limit""")
