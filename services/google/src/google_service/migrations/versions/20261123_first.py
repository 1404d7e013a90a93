"""Inbox, outbox and lanes; what the service is about comes with its first provider.

The first shape; nothing to expand from.
"""

from alembic import op

from common.db import (
    create_messaging_tables,
    drop_messaging_tables,
    isolate_by_tenant,
    let_api_publish,
)
from common.lanes import create_lane_tables, drop_lane_tables

revision = "20261123_first"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create everything."""
    op.execute("set local lock_timeout = '5s'")
    create_messaging_tables(op)
    create_lane_tables(op)
    let_api_publish(op, "google")
    isolate_by_tenant(op, "google", "lane", "lane_job", "pace")


def downgrade() -> None:
    """Drop everything."""
    op.execute("set local lock_timeout = '5s'")
    drop_lane_tables(op)
    drop_messaging_tables(op)
