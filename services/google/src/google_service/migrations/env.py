"""Alembic's entry to the google migrations."""

from common.db import run_migrations
from google_service.tables import Base

run_migrations(Base.metadata)
