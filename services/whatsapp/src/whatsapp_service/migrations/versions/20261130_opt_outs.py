"""List a tenant's opt-outs without reading those of all.

Expand step, and the only one.
"""

from alembic import op

revision = "20261130_opt_outs"
down_revision = "20261130_media_age"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("create index ix_opt_out_tenant on opt_out (tenant_id, at)")


def downgrade() -> None:
    """Drop it."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("drop index ix_opt_out_tenant")
