"""Alembic's entry to the whatsapp migrations."""

from common.db import run_migrations
from whatsapp_service.tables import Base

run_migrations(Base.metadata)
