"""Models that hear may cost by the minute.

Expand step.
"""

from alembic import op

revision = "20261130_minutes"
down_revision = "20261130_wordings"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table model_price add column minute_micros bigint not null default 0")


def downgrade() -> None:
    """Drop it."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table model_price drop column minute_micros")
