"""The SQL of conversations."""

from common.db import Sql

_COLUMNS = """
    c.id, c.tenant_id, c.agent_id, c.integration_id, c.chat_id, c.state, c.last_seq,
    c.answered_seq"""

LOCK = Sql("""
    insert into conversation as c
        (id, tenant_id, agent_id, integration_id, chat_id, next_seq, last_seq)
    select *, 1, 0 from unnest(
        cast(:ids as text[]), cast(:tenants as text[]), cast(:agents as text[]),
        cast(:integrations as text[]), cast(:chats as text[]))
    on conflict (id) do update set agent_id = excluded.agent_id, updated_at = now()
    returning id, state, turn_id, turn_deadline""")
"""Makes what is missing and locks all: from here on, nobody else numbers their lines."""

ADD_LINES = Sql("""
    with input as (
        select distinct on (conversation_id, message_id) *
        from unnest(
            cast(:conversations as text[]), cast(:tenants as text[]), cast(:roles as text[]),
            cast(:texts as text[]), cast(:messages as text[]), cast(:ats as timestamptz[])
        ) with ordinality as row(conversation_id, tenant_id, role, text, message_id, at, n)
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
                            else c.next_seq + f.last_customer - 1 end
        from (select conversation_id, count(*) as size,
                     max(place) filter (where role = 'customer') as last_customer
              from fresh group by conversation_id) as f
        where c.id = f.conversation_id
        returning c.id, c.next_seq - f.size as first_seq
    )
    insert into line (conversation_id, seq, tenant_id, role, text, message_id, written_at)
    select f.conversation_id, counted.first_seq + f.place - 1, f.tenant_id, f.role, f.text,
           f.message_id, f.at
    from fresh f join counted on counted.id = f.conversation_id
    returning conversation_id, message_id, seq""")

OPEN_TURN = Sql("""
    update conversation set turn_id = :turn, turn_deadline = :deadline where id = :id""")
CLOSE_TURN = Sql("""
    update conversation set turn_id = null, turn_deadline = null where id = :id""")
TURN_FAILURES = Sql("""
    select l.attempts from lane_job j
    join lane l on l.queue = j.queue and l.key = j.lane_key
    where j.queue = :queue and j.command_id = :turn and j.state = 'queued'""")
"""How often an open turn has failed; no row when there is no job left that would answer it."""

TURN = Sql(f"""
    select {_COLUMNS}, to_jsonb(a) as agent from conversation c
    left join agent a
        on a.id = c.agent_id and a.tenant_id = c.tenant_id and a.deleted_at is null
    where c.id = :id and c.turn_id = :turn
    for update of c""")

JOURNALED = Sql("""
    select answer, model, input_tokens, cached_tokens, output_tokens from run
    where id = :id""")
JOURNAL = Sql("""
    insert into run as r
        (id, tenant_id, conversation_id, turn_id, upto_seq, outcome, answer, model,
         input_tokens, cached_tokens, output_tokens)
    values (:id, :tenant, :conversation, :turn, :upto, :outcome, :answer, :model,
            :input, :cached, :output)
    on conflict (id) do update set outcome = excluded.outcome""")

ANSWERED = Sql("""
    with closed as (
        update conversation c set
            answered_seq = :upto, turn_id = null, turn_deadline = null, updated_at = now(),
            next_seq = c.next_seq + cardinality(cast(:texts as text[]))
        where c.id = :id
        returning c.last_seq, c.next_seq - cardinality(cast(:texts as text[])) as first_seq
    ), said as (
        insert into line (conversation_id, seq, tenant_id, role, text, written_at)
        select :id, closed.first_seq + t.n - 1, :tenant, 'agent', t.text, :at
        from closed, unnest(cast(:texts as text[])) with ordinality as t(text, n)
    )
    select last_seq from closed""")

NEWEST = Sql("select last_seq from conversation where id = :id for update")
CHANGE_STATE = Sql("""
    update conversation set state = :state, updated_at = now() where id = :id""")
EVERY = Sql(f"select {_COLUMNS} from conversation c order by c.updated_at desc limit :limit")
GET = Sql(f"select {_COLUMNS} from conversation c where c.id = :id")
LINES = Sql("""
    select seq, role, text, message_id, written_at from line
    where conversation_id = :id order by seq desc limit :limit""")
