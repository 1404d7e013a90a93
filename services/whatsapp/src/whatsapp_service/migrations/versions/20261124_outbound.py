"""Everything that can be sent, and the pace it is sent at.

Expand step and the whole of it: every new column is optional or has a default.
"""

from alembic import op

from common.db import isolate_by_tenant
from common.lanes import add_pace_burst, drop_pace_burst

revision = "20261124_outbound"
down_revision = "20261124_lean"
branch_labels = None
depends_on = None

_TABLES = {
    "opt_out": """
        chat_id text not null,
        tenant_id text not null,
        integration_id text not null,
        message_id text not null,
        word text not null,
        at timestamptz not null,
        constraint pk_opt_out primary key (chat_id)""",
    "sending_settings": """
        tenant_id text not null,
        quiet_from time,
        quiet_until time,
        quiet_zone text,
        daily_budget bigint,
        broadcast_gap_ms bigint not null,
        warm_up boolean not null,
        typing_ms_per_char bigint not null,
        choices text not null,
        opt_out_words text[] not null,
        opt_in_words text[] not null,
        opt_out_reply text not null,
        updated_at timestamptz not null default now(),
        constraint pk_sending_settings primary key (tenant_id)""",
    "number_health": """
        integration_id text not null,
        tenant_id text not null,
        first_open_at timestamptz not null default now(),
        risk double precision not null default 0,
        sent bigint not null default 0,
        pending bigint not null default 0,
        refused bigint not null default 0,
        updated_at timestamptz not null default now(),
        constraint pk_number_health primary key (integration_id)""",
}
_COLUMNS = {
    "kind": "text not null default 'text'",
    "content": "jsonb",
    "priority": "text not null default 'reply'",
    "exempt": "boolean not null default false",
    "sent_ids": "text[] not null default '{}'",
    "remote_jid": "text",
}


def upgrade() -> None:
    """Add what is new."""
    op.execute("set local lock_timeout = '5s'")
    for name, kind in _COLUMNS.items():
        op.execute(f"alter table outbound add column {name} {kind}")
    op.execute("create index ix_outbound_created on outbound using brin (created_at)")
    for name, columns in _TABLES.items():
        op.execute(f"create table {name} ({columns})")
    add_pace_burst(op)
    isolate_by_tenant(op, "whatsapp", *_TABLES)


def downgrade() -> None:
    """Drop it."""
    op.execute("set local lock_timeout = '5s'")
    drop_pace_burst(op)
    for name in reversed(_TABLES):
        op.execute(f"drop table {name}")
    op.execute("drop index ix_outbound_created")
    for name in reversed(_COLUMNS):
        op.execute(f"alter table outbound drop column {name}")
