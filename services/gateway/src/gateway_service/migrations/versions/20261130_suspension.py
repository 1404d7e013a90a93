"""Remember since when a tenant is suspended.

Expand step, and the only one: null means that it is not.
"""

from alembic import op

revision = "20261130_suspension"
down_revision = "20261123_first"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table tenant add column suspended_at timestamptz")


def downgrade() -> None:
    """Drop it: whoever was suspended is let in again."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table tenant drop column suspended_at")
