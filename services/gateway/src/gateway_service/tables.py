"""What the gateway remembers, on one screen."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Text, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from common import db
from common.db import add_messaging_tables, new_metadata


class Base(db.Base, DeclarativeBase):
    """The tables of the gateway."""

    metadata = new_metadata()


add_messaging_tables(Base.metadata)


class TenantRow(Base):
    """A business that uses Parley."""

    __tablename__ = "tenant"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    suspended_at: Mapped[datetime | None]


class ApiKeyRow(Base):
    """A tenant's API key; its secret only as a hash."""

    __tablename__ = "api_key"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.tenant_id"), index=True)
    name: Mapped[str]
    hash: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class AuditRow(Base):
    """Who changed what, and who was refused at the door; never altered."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_tenant", "tenant_id", "at"),
        Index("ix_audit_log_at", "at", postgresql_using="brin"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    at: Mapped[datetime]
    subject: Mapped[str]
    action: Mapped[str]
    request_id: Mapped[str]
    status: Mapped[int]
    outcome: Mapped[str]
