"""What every service's `migrations/env.py` does: run on the connection it is given."""

from alembic import context
from sqlalchemy import MetaData


def run_migrations(metadata: MetaData) -> None:
    """Run the migrations; called by Alembic through a service's `env.py`."""
    connection = context.config.attributes.get("connection")
    if connection is None:
        raise SystemExit("Run migrations with `python -m <name>_service migrate`.")
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transaction_per_migration=True,
        compare_type=True,
        compare_server_default=False,
    )
    with context.begin_transaction():
        context.run_migrations()
