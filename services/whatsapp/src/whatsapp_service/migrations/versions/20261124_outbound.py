"""Everything that can be sent, and the pace it is sent at.

Expand step.
"""

from alembic import op

revision = "20261124_outbound"
down_revision = "20261124_lean"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new."""
    op.execute("set local lock_timeout = '5s'")


def downgrade() -> None:
    """Drop it."""
    op.execute("set local lock_timeout = '5s'")
