"""Tenants, API keys and the audit log; inbox and outbox; tenants kept apart.

The first shape; nothing to expand from.
"""

from alembic import op

from common.db import (
    api_role,
    create_messaging_tables,
    drop_messaging_tables,
    let_api_publish,
)

revision = "20261123_first"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = {
    "tenant": """
        tenant_id text not null,
        name text not null,
        created_at timestamptz not null default now(),
        constraint pk_tenant primary key (tenant_id)""",
    "api_key": """
        id text not null,
        tenant_id text not null,
        name text not null,
        hash text not null,
        scopes text[] not null,
        created_at timestamptz not null default now(),
        expires_at timestamptz,
        last_used_at timestamptz,
        revoked_at timestamptz,
        constraint pk_api_key primary key (id),
        constraint fk_api_key_tenant_id_tenant foreign key (tenant_id)
            references tenant (tenant_id)""",
    "audit_log": """
        id text not null,
        tenant_id text not null,
        at timestamptz not null,
        subject text not null,
        action text not null,
        request_id text not null,
        status bigint not null,
        outcome text not null,
        constraint pk_audit_log primary key (id)""",
}

_MAY = {
    "tenant": ("select",),
    "api_key": ("select", "insert", "update"),
    "audit_log": ("select", "insert"),
}
"""A tenant makes no tenants, forgets no keys, and what was done stays written."""

_INDEXES = (
    "create index ix_api_key_tenant_id on api_key (tenant_id)",
    "create index ix_audit_log_tenant on audit_log (tenant_id, at)",
    "create index ix_audit_log_at on audit_log using brin (at)",
)


def upgrade() -> None:
    """Create everything."""
    op.execute("set local lock_timeout = '5s'")
    create_messaging_tables(op)
    for name, columns in _TABLES.items():
        op.execute(f"create table {name} ({columns})")
    for index in _INDEXES:
        op.execute(index)
    let_api_publish(op, "gateway")
    for name, verbs in _MAY.items():
        _isolate(name, verbs)


def _isolate(table: str, verbs: tuple[str, ...]) -> None:
    """Like `isolate_by_tenant`, with a policy per verb: without one, a verb finds no rows."""
    role = api_role("gateway")
    ours = "tenant_id = current_setting('parley.tenant_id', true)"
    op.execute(f"alter table {table} enable row level security")
    for verb in verbs:
        using = "" if verb == "insert" else f"using ({ours})"
        check = "" if verb == "select" else f"with check ({ours})"
        op.execute(f"create policy tenant_{verb} on {table} for {verb} to {role} {using} {check}")
    op.execute(f"grant select, insert, update, delete on {table} to {role}")


def downgrade() -> None:
    """Drop everything."""
    op.execute("set local lock_timeout = '5s'")
    for name in reversed(_TABLES):
        op.execute(f"drop table {name}")
    drop_messaging_tables(op)
