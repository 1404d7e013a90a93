"""A line says who spoke, what came with it, and whether it was sent; a conversation, with whom.

Expand step.
"""

from alembic import op

revision = "20261130_lines"
down_revision = "20261129_forgotten"
branch_labels = None
depends_on = None

_NEW = {
    "line": ("speaker text not null default ''", "attached text not null default ''",
             "unsent boolean not null default false"),
    "conversation": ("known_as text not null default ''",),
}  # fmt: skip


def upgrade() -> None:
    """Add what is new."""
    op.execute("set local lock_timeout = '5s'")
    for table, columns in _NEW.items():
        for column in columns:
            op.execute(f"alter table {table} add column {column}")


def downgrade() -> None:
    """Drop it."""
    op.execute("set local lock_timeout = '5s'")
    for table, columns in _NEW.items():
        for column in columns:
            op.execute(f"alter table {table} drop column {column.partition(' ')[0]}")
