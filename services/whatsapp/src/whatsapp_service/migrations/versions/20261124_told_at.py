"""Remember when Evolution last spoke of a number's connection, by its own clock.

Expand step and the whole of it: a row without a time takes the first that comes.
"""

from alembic import op

revision = "20261124_told_at"
down_revision = "20261123_first"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table integration add column told_at timestamptz")


def downgrade() -> None:
    """Drop it."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table integration drop column told_at")
