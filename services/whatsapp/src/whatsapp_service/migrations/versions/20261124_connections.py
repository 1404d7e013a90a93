"""The care of connections, media and gaps.

Expand step and the whole of it: every new column is optional or has a default.
"""

from alembic import op

from common.db import isolate_by_tenant

revision = "20261124_connections"
down_revision = "20261124_outbound"
branch_labels = None
depends_on = None

_TABLES = {
    "media": """
        integration_id text not null,
        message_id text not null,
        tenant_id text not null,
        state text not null,
        kind text not null,
        mimetype text,
        file_name text,
        seconds bigint,
        size bigint,
        sha256 text,
        reference text,
        reason text,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        constraint pk_media primary key (integration_id, message_id)""",
    "sweep": """
        id text not null,
        tenant_id text not null,
        integration_id text not null,
        cause text not null,
        since timestamptz not null,
        checked bigint not null,
        missing bigint not null,
        repaired bigint not null,
        levels bigint not null,
        complete boolean not null,
        started_at timestamptz not null,
        ended_at timestamptz not null default now(),
        constraint pk_sweep primary key (id)""",
}
_COLUMNS = {
    "name": "text",
    "transport": "text not null default 'baileys'",
    "account_number": "text",
    "business_id": "text",
    "previous_until": "timestamptz",
    "deleting": "boolean not null default false",
    "check_at": "timestamptz not null default now()",
    "missed_checks": "bigint not null default 0",
    "sweep_at": "timestamptz not null default now()",
    "swept_until": "timestamptz",
}


def upgrade() -> None:
    """Add what is new."""
    op.execute("set local lock_timeout = '5s'")
    for name, kind in _COLUMNS.items():
        op.execute(f"alter table integration add column {name} {kind}")
    op.execute("alter table delivery add column delivered_at timestamptz")
    op.execute("alter table delivery add column read_at timestamptz")
    for name, columns in _TABLES.items():
        op.execute(f"create table {name} ({columns})")
    op.execute("""
        create index ix_integration_check on integration (check_at)
        where not deleting""")
    op.execute("create index ix_sweep_number on sweep (integration_id, started_at)")
    isolate_by_tenant(op, "whatsapp", *_TABLES)


def downgrade() -> None:
    """Drop it."""
    op.execute("set local lock_timeout = '5s'")
    for name in reversed(_TABLES):
        op.execute(f"drop table {name}")
    op.execute("drop index ix_integration_check")
    op.execute("alter table delivery drop column read_at")
    op.execute("alter table delivery drop column delivered_at")
    for name in reversed(_COLUMNS):
        op.execute(f"alter table integration drop column {name}")
