"""Runs with their steps, tools, limits and prices.

Expand step.
"""

from alembic import op

revision = "20261124_turns"
down_revision = "20261123_first"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new."""
    op.execute("set local lock_timeout = '5s'")


def downgrade() -> None:
    """Drop it."""
    op.execute("set local lock_timeout = '5s'")
