"""Remember how a group spells who wrote in it.

Expand step and the whole of it: a message without it is addressed by the best name we know.
"""

from alembic import op

revision = "20261130_participant"
down_revision = "20261130_opt_outs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table whatsapp_message add column participant text")


def downgrade() -> None:
    """Drop it."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table whatsapp_message drop column participant")
