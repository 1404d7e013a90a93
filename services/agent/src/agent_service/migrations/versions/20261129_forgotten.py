"""A conversation that is forgotten keeps its place: its numbers name what was sent already.

Expand step.
"""

from alembic import op

revision = "20261129_forgotten"
down_revision = "20261124_control"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table conversation add column forgotten_at timestamptz")


def downgrade() -> None:
    """Drop it, and what only it kept from sight."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("delete from conversation where forgotten_at is not null")
    op.execute("alter table conversation drop column forgotten_at")
