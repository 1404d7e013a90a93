"""Alembic's entry to the crm migrations."""

from common.db import run_migrations
from crm_service.tables import Base

run_migrations(Base.metadata)
