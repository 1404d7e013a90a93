"""Agents that never chose their canned words get ours, in the customer's language.

Data step: what was the default in English is no longer written down with each agent. There is
nothing to undo: what is not written down is the default of the code before, too.
"""

from alembic import op

revision = "20261130_wordings"
down_revision = "20261130_lines"
branch_labels = None
depends_on = None

_WERE = {
    "hand_off_text": "One moment, please: a colleague will answer you here.",
    "fallback_text": "I can''t answer right now. A colleague will get back to you.",
    "refusal_text": "I''m sorry, I can''t help with that.",
}


def upgrade() -> None:
    """Take the old defaults out of the settings."""
    op.execute("set local lock_timeout = '5s'")
    for name, text in _WERE.items():
        were = f"settings ->> '{name}' = '{text}'"
        op.execute(f"update agent set settings = settings - '{name}' where {were}")  # noqa: S608 - constants of this module


def downgrade() -> None:
    """Leave them out: the code before has them as its defaults."""
