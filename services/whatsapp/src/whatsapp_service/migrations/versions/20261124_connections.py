"""The care of connections, media and gaps.

Expand step.
"""

from alembic import op

revision = "20261124_connections"
down_revision = "20261124_outbound"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new."""
    op.execute("set local lock_timeout = '5s'")


def downgrade() -> None:
    """Drop it."""
    op.execute("set local lock_timeout = '5s'")
