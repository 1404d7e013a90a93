"""Numbers, chats and messages; inbox, outbox and lanes; tenants kept apart.

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
    "integration": """
        id text not null,
        tenant_id text not null,
        agent_id text not null,
        channel text not null,
        instance text not null,
        generation bigint not null default 1,
        created boolean not null default false,
        creating_until timestamptz,
        state text not null,
        reason text,
        phone text,
        profile_name text,
        sealed_token text,
        qr_image text,
        qr_code text,
        pairing_code text,
        qr_at timestamptz,
        updated_at timestamptz not null default now(),
        constraint pk_integration primary key (id),
        constraint uq_integration_instance unique (instance),
        constraint uq_integration_binding unique (tenant_id, agent_id, channel)""",
    "chat": """
        id text not null,
        tenant_id text not null,
        integration_id text not null,
        phone text,
        lid text,
        group_id text,
        reply_to text not null,
        name text,
        merged_into text,
        last_message_at timestamptz not null,
        constraint pk_chat primary key (id)""",
    "alias": """
        integration_id text not null,
        alias text not null,
        tenant_id text not null,
        chat_id text not null,
        constraint pk_alias primary key (integration_id, alias)""",
    "whatsapp_message": """
        integration_id text not null,
        message_id text not null,
        tenant_id text not null,
        chat_id text not null,
        outgoing boolean not null,
        kind text not null,
        text text not null,
        content jsonb not null,
        command_id text,
        sent_at timestamptz not null,
        stored_at timestamptz not null default now(),
        edited_at timestamptz,
        deleted_at timestamptz,
        constraint pk_whatsapp_message primary key (integration_id, message_id)""",
    "delivery": """
        integration_id text not null,
        message_id text not null,
        tenant_id text not null,
        status text not null,
        level bigint not null,
        updated_at timestamptz not null default now(),
        constraint pk_delivery primary key (integration_id, message_id)""",
    "outbound": """
        command_id text not null,
        tenant_id text not null,
        integration_id text not null,
        chat_id text not null,
        text text not null,
        typing_ms bigint not null,
        state text not null,
        code text,
        reason text,
        message_id text,
        attempt_at timestamptz,
        expires_at timestamptz,
        sent_at timestamptz,
        created_at timestamptz not null default now(),
        constraint pk_outbound primary key (command_id)""",
    "inbound_event": """
        id text not null,
        tenant_id text not null,
        integration_id text not null,
        event text not null,
        reason text not null,
        body jsonb not null,
        received_at timestamptz not null default now(),
        constraint pk_inbound_event primary key (id)""",
}

_INDEXES = (
    "create index ix_chat_recent on chat (integration_id, last_message_at)",
    "create index ix_alias_chat_id on alias (chat_id)",
    "create index ix_message_chat on whatsapp_message (chat_id, sent_at)",
    """create index ix_message_command on whatsapp_message (command_id)
       where command_id is not null""",
    "create index ix_outbound_chat on outbound (chat_id, created_at)",
    "create index ix_inbound_event_integration_id on inbound_event (integration_id)",
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
    let_api_publish(op, "whatsapp")
    isolate_by_tenant(op, "whatsapp", *_TABLES, "lane", "lane_job", "pace")


def downgrade() -> None:
    """Drop everything."""
    op.execute("set local lock_timeout = '5s'")
    for name in reversed(_TABLES):
        op.execute(f"drop table {name}")
    drop_lane_tables(op)
    drop_messaging_tables(op)
