"""Agents, conversations and runs; inbox, outbox and lanes; tenants kept apart.

The first shape; nothing to expand from.
"""

from alembic import op

from common.db import (
    create_messaging_tables,
    drop_messaging_tables,
    isolate_by_tenant,
    let_api_publish,
)
from common.lanes import create_lane_tables, drop_lane_tables

revision = "20261123_first"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = {
    "agent": """
        id text not null,
        tenant_id text not null,
        name text not null,
        settings jsonb not null,
        sealed_api_key text,
        created_at timestamptz not null,
        updated_at timestamptz not null,
        deleted_at timestamptz,
        constraint pk_agent primary key (id)""",
    "conversation": """
        id text not null,
        tenant_id text not null,
        agent_id text not null,
        integration_id text not null,
        chat_id text not null,
        state text not null default 'bot',
        next_seq bigint not null,
        last_seq bigint not null,
        answered_seq bigint not null default 0,
        turn_id text,
        turn_deadline timestamptz,
        updated_at timestamptz not null default now(),
        constraint pk_conversation primary key (id)""",
    "line": """
        conversation_id text not null,
        seq bigint not null,
        tenant_id text not null,
        role text not null,
        text text not null,
        message_id text,
        written_at timestamptz not null,
        constraint pk_line primary key (conversation_id, seq),
        constraint uq_line_message unique (conversation_id, message_id)""",
    "run": """
        id text not null,
        tenant_id text not null,
        conversation_id text not null,
        turn_id text not null,
        upto_seq bigint not null,
        outcome text not null,
        answer text not null,
        model text not null,
        input_tokens bigint not null,
        cached_tokens bigint not null,
        output_tokens bigint not null,
        created_at timestamptz not null default now(),
        constraint pk_run primary key (id)""",
    "request_bucket": """
        tenant_id text not null,
        tokens double precision not null,
        refilled_at timestamptz not null default now(),
        constraint pk_request_bucket primary key (tenant_id)""",
}

_INDEXES = (
    "create index ix_agent_tenant on agent (tenant_id, created_at)",
    "create index ix_conversation_tenant on conversation (tenant_id, updated_at)",
    "create index ix_run_conversation on run (conversation_id, created_at)",
)


def upgrade() -> None:
    """Create everything."""
    op.execute("set local lock_timeout = '5s'")
    create_messaging_tables(op)
    create_lane_tables(op)
    for name, columns in _TABLES.items():
        op.execute(f"create table {name} ({columns})")
    for index in _INDEXES:
        op.execute(index)
    let_api_publish(op, "agent")
    isolate_by_tenant(op, "agent", *_TABLES, "lane", "lane_job", "pace")


def downgrade() -> None:
    """Drop everything."""
    op.execute("set local lock_timeout = '5s'")
    for name in reversed(_TABLES):
        op.execute(f"drop table {name}")
    drop_lane_tables(op)
    drop_messaging_tables(op)
