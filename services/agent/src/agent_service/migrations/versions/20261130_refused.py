"""A model account that refuses is left alone for a while.

Expand step.
"""

from alembic import op

revision = "20261130_refused"
down_revision = "20261130_ceilings"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table agent add column refused_until timestamptz")
    op.execute("alter table agent add column refused_because text")


def downgrade() -> None:
    """Drop it."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table agent drop column refused_because")
    op.execute("alter table agent drop column refused_until")
