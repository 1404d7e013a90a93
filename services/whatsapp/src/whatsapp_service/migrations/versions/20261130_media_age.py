"""Find old files without reading all of them.

Expand step, and the only one.
"""

from alembic import op

revision = "20261130_media_age"
down_revision = "20261124_connections"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("create index ix_media_age on media (updated_at) where state = 'stored'")


def downgrade() -> None:
    """Drop it."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("drop index ix_media_age")
