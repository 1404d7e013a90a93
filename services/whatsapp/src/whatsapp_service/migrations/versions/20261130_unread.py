"""Let kept events go with their chat, and after their time.

Expand step, and the only one; those kept before know no chat, and go after their time.
"""

from alembic import op

revision = "20261130_unread"
down_revision = "20261130_inbox_age"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and both indexes."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table inbound_event add column chat_id text")
    op.execute("create index ix_inbound_event_chat_id on inbound_event (chat_id)")
    op.execute("create index ix_inbound_event_received_at on inbound_event (received_at)")


def downgrade() -> None:
    """Drop them."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("drop index ix_inbound_event_received_at")
    op.execute("alter table inbound_event drop column chat_id")
