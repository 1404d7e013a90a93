"""Runs with their steps, tools, limits and prices.

Expand step, but for `request_bucket`: it holds nothing that lasts a minute, and `meter` counts in
its place. Stop the old workers before this one.
"""

from alembic import op

from common.db import api_role, isolate_by_tenant
from common.lanes import add_pace_burst, drop_pace_burst

revision = "20261124_turns"
down_revision = "20261123_first"
branch_labels = None
depends_on = None

_COLUMNS = {
    "conversation": {
        "summary": "text not null default ''",
        "summary_upto": "bigint not null default 0",
        "pending": "jsonb",
        "held_until": "timestamptz",
        "follow_ups": "bigint not null default 0",
    },
    "line": {"media": "jsonb", "run_id": "text"},
    "run": {
        "agent_id": "text not null default ''",
        "reason": "text not null default ''",
        "cost_micros": "bigint not null default 0",
        "latency_ms": "bigint not null default 0",
        "ended_at": "timestamptz",
    },
}
_TABLES = {
    "run_step": """
        run_id text not null,
        seq bigint not null,
        tenant_id text not null,
        agent_id text not null,
        conversation_id text not null,
        kind text not null,
        state text not null,
        name text not null,
        call_id text not null,
        input jsonb not null,
        output jsonb not null,
        model text not null,
        input_tokens bigint not null,
        cached_tokens bigint not null,
        output_tokens bigint not null,
        cost_micros bigint not null,
        priced boolean not null,
        latency_ms bigint not null,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        constraint pk_run_step primary key (run_id, seq)""",
    "meter": """
        tenant_id text not null,
        scope text not null,
        requests double precision,
        requests_at timestamptz not null default now(),
        tokens double precision,
        tokens_at timestamptz not null default now(),
        day date not null,
        day_micros bigint not null default 0,
        month date not null,
        month_micros bigint not null default 0,
        told jsonb not null default '{}',
        constraint pk_meter primary key (tenant_id, scope)""",
    "reservation": """
        id text not null,
        tenant_id text not null,
        agent_id text not null,
        conversation_id text not null,
        tokens bigint not null,
        micros bigint not null,
        expires_at timestamptz not null,
        constraint pk_reservation primary key (id)""",
    "tenant_limit": """
        tenant_id text not null,
        limits jsonb not null,
        updated_at timestamptz not null default now(),
        constraint pk_tenant_limit primary key (tenant_id)""",
    "contact_fact": """
        tenant_id text not null,
        contact_id text not null,
        kind text not null,
        name text not null,
        value text not null,
        updated_at timestamptz not null default now(),
        constraint pk_contact_fact primary key (tenant_id, contact_id, kind, name)""",
    "follow_up": """
        id text not null,
        tenant_id text not null,
        conversation_id text not null,
        text text not null,
        due_at timestamptz not null,
        cancel_on_reply boolean not null,
        state text not null default 'waiting',
        constraint pk_follow_up primary key (id)""",
    "media_library": """
        id text not null,
        tenant_id text not null,
        name text not null,
        kind text not null,
        mimetype text not null,
        size bigint not null,
        reference text not null,
        created_at timestamptz not null,
        constraint pk_media_library primary key (id),
        constraint uq_media_library_name unique (tenant_id, name)""",
    "http_tool": """
        id text not null,
        tenant_id text not null,
        name text not null,
        definition jsonb not null,
        sealed_secret text,
        created_at timestamptz not null,
        constraint pk_http_tool primary key (id),
        constraint uq_http_tool_name unique (tenant_id, name)""",
}
_PRICES = """
    model text not null,
    input_micros bigint not null,
    cached_micros bigint not null,
    output_micros bigint not null,
    updated_at timestamptz not null default now(),
    constraint pk_model_price primary key (model)"""
_INDEXES = {
    "ix_run_open": "run (turn_id) where outcome = 'open'",
    "ix_run_step_usage": "run_step (tenant_id, created_at) where model <> ''",
    "ix_run_step_conversation": "run_step (conversation_id)",
    "ix_reservation_tenant": "reservation (tenant_id, expires_at)",
    "ix_follow_up_waiting": "follow_up (conversation_id) where state = 'waiting'",
}


def upgrade() -> None:
    """Add what is new."""
    op.execute("set local lock_timeout = '5s'")
    for table, columns in _COLUMNS.items():
        for name, kind in columns.items():
            op.execute(f"alter table {table} add column {name} {kind}")
    for name, columns_of in _TABLES.items():
        op.execute(f"create table {name} ({columns_of})")
    op.execute(f"create table model_price ({_PRICES})")
    for name, on in _INDEXES.items():
        op.execute(f"create index {name} on {on}")
    isolate_by_tenant(op, "agent", *_TABLES)
    op.execute(f"grant select on model_price to {api_role('agent')}")
    op.execute("drop table request_bucket")
    add_pace_burst(op)


def downgrade() -> None:
    """Drop it."""
    op.execute("set local lock_timeout = '5s'")
    drop_pace_burst(op)
    op.execute("""
        create table request_bucket (
            tenant_id text not null,
            tokens double precision not null,
            refilled_at timestamptz not null default now(),
            constraint pk_request_bucket primary key (tenant_id)
        )""")
    isolate_by_tenant(op, "agent", "request_bucket")
    op.execute("drop index ix_run_open")
    op.execute("drop table model_price")
    for name in reversed(_TABLES):
        op.execute(f"drop table {name}")
    for table, columns in _COLUMNS.items():
        for name in columns:
            op.execute(f"alter table {table} drop column {name}")
