"""Alembic's entry to the agent migrations."""

from agent_service.tables import Base
from common.db import run_migrations

run_migrations(Base.metadata)
