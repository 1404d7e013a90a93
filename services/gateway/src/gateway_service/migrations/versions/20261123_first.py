"""Tenants, API keys and the audit log; tenants kept apart.

The first shape; nothing to expand from. No inbox or outbox: the gateway's events are webhooks,
durable once Kafka has them, and nothing is consumed yet.
"""

from alembic import op

from common.db import api_role, isolate_by_tenant

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

_INDEXES = (
    "create index ix_api_key_tenant_id on api_key (tenant_id)",
    "create index ix_audit_log_tenant on audit_log (tenant_id, at)",
    "create index ix_audit_log_at on audit_log using brin (at)",
)


def upgrade() -> None:
    """Create everything."""
    role = api_role("gateway")
    op.execute("set local lock_timeout = '5s'")
    for name, columns in _TABLES.items():
        op.execute(f"create table {name} ({columns})")
    for index in _INDEXES:
        op.execute(index)
    op.execute(f"grant usage on schema public to {role}")
    isolate_by_tenant(op, "gateway", *_TABLES)
    # A tenant makes no tenants, forgets no keys, and what was done stays written.
    op.execute(f"revoke insert, update, delete on tenant from {role}")
    op.execute(f"revoke delete on api_key from {role}")
    op.execute(f"revoke update, delete on audit_log from {role}")


def downgrade() -> None:
    """Drop everything."""
    op.execute("set local lock_timeout = '5s'")
    for name in reversed(_TABLES):
        op.execute(f"drop table {name}")
