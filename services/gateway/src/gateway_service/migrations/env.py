"""Alembic's entry to the gateway's migrations."""

from common.db import run_migrations
from gateway_service.tables import Base

run_migrations(Base.metadata)
