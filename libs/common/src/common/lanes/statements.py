"""The SQL by which lanes are filled and worked; what a person does to them is in `control`.

Invariants: `pending` counts the queued jobs of a lane; `head_seq` is at or below the first of
them, so that looking it up never walks over what was deleted before it; `token` only grows;
while `leased`, `due_at` is when the lease runs out.
"""

# ruff: noqa: S608 - built from constants of this module; values are always bound

ENQUEUE = """
with input as (
    select * from unnest(
        cast(:keys as text[]), cast(:ids as text[]), cast(:payloads as bytea[]),
        cast(:tenants as text[]), cast(:dues as timestamptz[]), cast(:paces as text[]),
        cast(:traces as text[])
    ) with ordinality as row(key, command_id, payload, tenant_id, due_at, pace_key, trace, n)
), fresh as (
    select *, row_number() over (partition by key order by n) as place from (
        select distinct on (command_id) * from input i
        where not exists (
            select 1 from lane_job j where j.queue = :queue and j.command_id = i.command_id)
        order by command_id, n) as once
), touched as (
    insert into lane as l (queue, key, tenant_id, pace_key, next_seq, head_seq, pending, due_at)
    select :queue, key, min(tenant_id), min(pace_key), 1 + count(*), 1, count(*),
           coalesce(min(due_at) filter (where place = 1), now())
    from fresh group by key order by key
    on conflict (queue, key) do update set
        next_seq = l.next_seq + excluded.next_seq - 1,
        pending = l.pending + excluded.pending,
        pace_key = excluded.pace_key,
        due_at = case when l.pending = 0 then excluded.due_at else l.due_at end
    returning l.key, l.next_seq
), sizes as (select key, count(*) as size from fresh group by key)
insert into lane_job
    (queue, lane_key, seq, tenant_id, command_id, payload, due_at, traceparent)
select :queue, f.key, t.next_seq - s.size + f.place - 1, f.tenant_id, f.command_id, f.payload,
       f.due_at, f.trace
from fresh f join touched t using (key) join sizes s using (key)
order by f.n
returning command_id"""

_LEASE = """
leased as (
    update lane l
    set due_at = now() + :lease, token = l.token + 1, leased = true,
        attempts = l.attempts + l.leased::int
    from due
    where l.queue = due.queue and l.key = due.key
    returning l.queue, l.key, l.token, l.head_seq, l.attempts, due.was_leased
)
select leased.key, leased.token, leased.attempts, leased.was_leased as interrupted,
       job.seq, job.command_id, job.payload, job.tenant_id, job.enqueued_at, job.traceparent,
       now() as leased_at,
       -- A lease that a crash of Postgres forgets is a lane that is due: no need for the disk.
       set_config('synchronous_commit', 'off', true)
from leased cross join lateral (
    select * from lane_job j
    where j.queue = leased.queue and j.lane_key = leased.key and j.seq >= leased.head_seq
      and j.state = 'queued'
    order by j.seq limit 1) as job"""

CLAIM = (
    """
with due as (
    select queue, key, leased as was_leased from lane
    where queue = :queue and pending > 0 and held_reason is null and due_at <= now()
    order by due_at limit :count
    for update skip locked
), """
    + _LEASE
)

_ROOM = """
case when p.gap > interval '0' then floor(p.burst - greatest(0, extract(epoch from
         p.next_at - now()) / extract(epoch from p.gap))) end"""
"""How many jobs a pace lets through now; null for any number. A token bucket: `next_at` moves by
one gap for each job, and may run ahead of the clock by as many gaps as the burst has jobs."""
_LEFT = "p.budget - case when p.day = current_date then p.spent else 0 end"
_OPENS = f"""
    (p.next_at <= now() or p.gap > interval '0') and coalesce({_ROOM}, 1) > 0
    and coalesce({_LEFT}, 1) > 0"""
_DUE = "l.queue = :queue and l.pending > 0 and l.held_reason is null and l.due_at <= now()"

CLAIM_PACED = (
    f"""
with free as (
    -- More than are taken, since other workers may be about to take some of them.
    select l.key, null as pace_key from lane l
    where {_DUE} and not exists (select 1 from pace p where p.key = l.pace_key)
    order by l.due_at limit cast(:count as bigint) * 4
), paced as (
    select l.key, l.pace_key, row_number() over (partition by l.pace_key order by l.due_at) as place
    from lane l join pace p on p.key = l.pace_key
    where {_DUE} and {_OPENS}
), slots as (
    select p.key, least({_ROOM}, {_LEFT}) as room from pace p
    where p.key in (select pace_key from paced) and {_OPENS}
    for update skip locked
), ready as (
    select key, pace_key from free
    union all
    select paced.key, paced.pace_key from paced join slots on slots.key = paced.pace_key
    where paced.place <= coalesce(slots.room, :count)
), due as (
    select l.queue, l.key, l.leased as was_leased, r.pace_key
    from lane l join ready r on r.key = l.key
    where {_DUE}
    order by l.due_at limit :count
    for update of l skip locked
), spent as (
    update pace p set
        next_at = greatest(p.next_at, now()) + p.gap * d.jobs * (1 + p.jitter * random()),
        spent = d.jobs + case when p.day = current_date then p.spent else 0 end,
        day = current_date
    from (select pace_key, count(*) as jobs from due group by pace_key) d
    where p.key = d.pace_key
), """
    + _LEASE
)

NEXT_OPEN = f"""
select greatest(0, extract(epoch from min(greatest(l.due_at, case
           when coalesce({_LEFT}, 1) <= 0 then (current_date + 1)::timestamptz
           else p.next_at - p.gap * (p.burst - 1) end)) - now()))::float8
from lane l left join pace p on p.key = l.pace_key
where l.queue = :queue and l.pending > 0 and l.held_reason is null"""
"""When the next lane is due and its pace lets it go."""

_DONE = """
with done as (select * from unnest(cast(:keys as text[]), cast(:seqs as bigint[]),
              cast(:tokens as bigint[]), cast(:more as boolean[])) as d(key, seq, token, more)), """
_FINISHING = """following as (
    select done.key, done.seq, done.token, done.more and job.seq is not null
               and coalesce(job.due_at <= now(), true){may_go_on} as goes_on,
           job.seq as next_seq, job.due_at, job.command_id, job.payload, job.tenant_id,
           job.enqueued_at, job.traceparent
    from done left join lateral (
        select * from lane_job j
        where j.queue = :queue and j.lane_key = done.key and j.seq > done.seq
          and j.state = 'queued'
        order by j.seq limit 1) as job on true
), freed as (
    update lane l set
        head_seq = f.seq + 1, pending = l.pending - 1, attempts = 0, leased = f.goes_on,
        due_at = case when f.goes_on then now() + :lease
                      else greatest(now(), f.due_at) end
    from following f
    where l.queue = :queue and l.key = f.key and l.token = f.token and l.leased
    returning l.key, f.seq
), gone as (
    delete from lane_job j using freed
    where j.queue = :queue and j.lane_key = freed.key and j.seq = freed.seq
)"""
_FOLLOWING = """
select f.key, f.token, 0::bigint as attempts, false as interrupted,
       case when f.goes_on then f.next_seq end as seq,
       f.command_id, f.payload, f.tenant_id, f.enqueued_at, f.traceparent, now() as leased_at
from following f join freed using (key)"""

FINISHING = _FINISHING.format(may_go_on="")
"""Finishes, in a larger statement, the heads that its CTE `done` (key, seq, token, more) names."""
FINISH = _DONE + FINISHING + _FOLLOWING
_UNPACED = """
               and not exists (
                   select 1 from lane l join pace p on p.key = l.pace_key
                   where l.queue = :queue and l.key = done.key)"""
FINISH_PACED = _DONE + _FINISHING.format(may_go_on=_UNPACED) + _FOLLOWING
"""A lane that keeps a pace goes on by a claim, where the pace is."""

EXTEND = """
update lane l set due_at = now() + :lease
from unnest(cast(:keys as text[]), cast(:tokens as bigint[])) as mine(key, token)
where l.queue = :queue and l.key = mine.key and l.token = mine.token and l.leased
returning l.key"""

_OURS = "l.queue = :queue and l.key = :key and l.token = :token and l.leased"

RETRY = f"""
with freed as (
    update lane l set leased = false, attempts = l.attempts + 1, due_at = now() + :after
    where {_OURS}
    returning l.key, l.pace_key
), refunded as (
    -- What was not done has not used up the day; what was not tried, no gap either: within a gap
    -- nobody else can have gone since, so nobody will follow another too soon.
    update pace p set spent = greatest(0, p.spent - (p.day = current_date)::int),
        next_at = case when p.burst = 1 and now() - cast(:untried_since as timestamptz) < p.gap
                       then least(p.next_at, now() + :after) else p.next_at end
    from freed where p.key = freed.pace_key
)
update lane_job j set last_error = :error from freed
where j.queue = :queue and j.lane_key = freed.key and j.seq = :seq"""

PARK_HOLD = f"""
with freed as (
    update lane l set leased = false, held_reason = :reason, due_at = now()
    where {_OURS}
    returning l.key
)
update lane_job j set last_error = :reason from freed
where j.queue = :queue and j.lane_key = freed.key and j.seq = :seq"""

PARK_SKIP = f"""
with freed as (
    update lane l set
        leased = false, head_seq = :seq + 1, pending = l.pending - 1, attempts = 0,
        due_at = now()
    where {_OURS}
    returning l.key
)
update lane_job j set state = 'parked', last_error = :reason from freed
where j.queue = :queue and j.lane_key = freed.key and j.seq = :seq"""

POSTPONE = """
update lane set due_at = :until
where queue = :queue and key = :key and pending > 0 and not leased"""

CANCEL = """
with locked as (
    select l.queue, l.key, l.leased, l.head_seq from lane l
    where l.queue = :queue and l.key = :key
    for update
), head as (
    select min(j.seq) as seq from lane_job j join locked on j.lane_key = locked.key
    where j.queue = :queue and j.state = 'queued' and j.seq >= locked.head_seq
), gone as (
    delete from lane_job j using locked, head
    where j.queue = :queue and j.lane_key = :key and j.state = 'queued'
      and not (locked.leased and j.seq = head.seq)
      and (:every or j.command_id = any(cast(:ids as text[])))
    returning j.command_id
), counted as (
    update lane l set pending = l.pending - (select count(*) from gone)
    where l.queue = :queue and l.key = :key and exists (select 1 from gone)
)
select command_id from gone"""

NEXT_DUE = """
select greatest(0, extract(epoch from l.due_at - now()))::float8 from lane l
where l.queue = :queue and l.pending > 0 and l.held_reason is null
order by l.due_at limit 1"""

SET_PACE = """
insert into pace (key, tenant_id, gap, jitter, burst, budget)
values (:key, :tenant, :gap, :jitter, :burst, :budget)
on conflict (key) do update set
    gap = excluded.gap, jitter = excluded.jitter, burst = excluded.burst,
    budget = excluded.budget"""

DEPTH = """
select count(*) filter (where pending > 0), coalesce(sum(pending), 0)::bigint,
       count(*) filter (where held_reason is not null),
       coalesce(extract(epoch from now() - min(due_at) filter (
           where pending > 0 and held_reason is null and not leased)), 0)::float8
from lane where queue = :queue and pending > 0"""
