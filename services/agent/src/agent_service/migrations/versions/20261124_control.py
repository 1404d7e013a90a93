"""Who answers a conversation, and when.

Expand step.
"""

from alembic import op

revision = "20261124_control"
down_revision = "20261124_turns"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table conversation add column human_until timestamptz")
    op.execute("alter table conversation add column paused_as text")


def downgrade() -> None:
    """Drop it."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table conversation drop column paused_as")
    op.execute("alter table conversation drop column human_until")
