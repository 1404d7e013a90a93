"""Money is counted for the limits there are; operators set ceilings above tenants' own.

Expand step. Workers of before count on in meters as they did.
"""

from alembic import op

revision = "20261130_ceilings"
down_revision = "20261130_minutes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table meter add column counted_for timestamptz")
    op.execute("alter table tenant_limit add column ceiling jsonb")


def downgrade() -> None:
    """Drop it."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table tenant_limit drop column ceiling")
    op.execute("alter table meter drop column counted_for")
