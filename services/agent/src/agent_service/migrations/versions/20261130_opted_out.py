"""A line says whether its customer had opted out.

Expand step.
"""

from alembic import op

revision = "20261130_opted_out"
down_revision = "20261130_refused"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table line add column opted_out boolean not null default false")


def downgrade() -> None:
    """Drop it."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table line drop column opted_out")
