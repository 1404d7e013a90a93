"""What this service remembers, on one screen."""

from datetime import datetime
from typing import Any

from sqlalchemy import Double, Index, UniqueConstraint, func, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from common import db
from common.db import add_messaging_tables, new_metadata
from common.lanes import add_lane_tables


class Base(db.Base, DeclarativeBase):
    """The tables of the agent service."""

    metadata = new_metadata()


add_messaging_tables(Base.metadata)
add_lane_tables(Base.metadata)


class AgentRow(Base):
    """An agent and how it behaves."""

    __tablename__ = "agent"
    __table_args__ = (Index("ix_agent_tenant", "tenant_id", "created_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    name: Mapped[str]
    settings: Mapped[dict[str, Any]]
    sealed_api_key: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class ConversationRow(Base):
    """One chat of one number, as its agent sees it; an open turn is named in it."""

    __tablename__ = "conversation"
    __table_args__ = (Index("ix_conversation_tenant", "tenant_id", "updated_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    agent_id: Mapped[str]
    integration_id: Mapped[str]
    chat_id: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=text("'bot'"))
    next_seq: Mapped[int]
    last_seq: Mapped[int]
    answered_seq: Mapped[int] = mapped_column(server_default=text("0"))
    turn_id: Mapped[str | None]
    turn_deadline: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class LineRow(Base):
    """One line of a conversation, whoever wrote it."""

    __tablename__ = "line"
    __table_args__ = (UniqueConstraint("conversation_id", "message_id", name="uq_line_message"),)

    conversation_id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    role: Mapped[str]
    text: Mapped[str]
    message_id: Mapped[str | None]
    written_at: Mapped[datetime]


class RunRow(Base):
    """What a model was asked and said: the journal that keeps us from asking twice."""

    __tablename__ = "run"
    __table_args__ = (Index("ix_run_conversation", "conversation_id", "created_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    conversation_id: Mapped[str]
    turn_id: Mapped[str]
    upto_seq: Mapped[int]
    outcome: Mapped[str]
    answer: Mapped[str]
    model: Mapped[str]
    input_tokens: Mapped[int]
    cached_tokens: Mapped[int]
    output_tokens: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class RequestBucketRow(Base):
    """How many model requests a tenant may make now."""

    __tablename__ = "request_bucket"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    tokens: Mapped[float] = mapped_column(Double)
    refilled_at: Mapped[datetime] = mapped_column(server_default=func.now())
