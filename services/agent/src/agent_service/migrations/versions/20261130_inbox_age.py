"""Find old events of the inbox without reading all of it.

Expand step, and the only one. Building the index keeps workers waiting for some seconds where
the inbox holds millions of events; they go on by themselves.
"""

from alembic import op

from common.db import index_inbox_by_age, index_inbox_by_block

revision = "20261130_inbox_age"
down_revision = "20261130_opted_out"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Exchange the index."""
    op.execute("set local lock_timeout = '5s'")
    index_inbox_by_age(op)


def downgrade() -> None:
    """Exchange it back."""
    op.execute("set local lock_timeout = '5s'")
    index_inbox_by_block(op)
