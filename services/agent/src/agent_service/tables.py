"""What this service remembers, on one screen."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, Double, Index, UniqueConstraint, func, text
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
    refused_until: Mapped[datetime | None]
    """Until when its model account is left alone; a change of the agent ends it."""
    refused_because: Mapped[str | None]


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
    summary: Mapped[str] = mapped_column(server_default=text("''"))
    summary_upto: Mapped[int] = mapped_column(server_default=text("0"))
    pending: Mapped[dict[str, Any] | None]
    """What the customer was asked to confirm."""
    held_until: Mapped[datetime | None]
    """Until when a turn waits for files at the longest; null when it waits for none."""
    follow_ups: Mapped[int] = mapped_column(server_default=text("0"))
    """How many wait that the customer's next message cancels."""
    human_until: Mapped[datetime | None]
    """When the agent takes it back from a person; null for never."""
    paused_as: Mapped[str | None]
    """What it was while a person had it, until its return has been told."""
    known_as: Mapped[str] = mapped_column(server_default=text("''"))
    """The names of the other side, apart by blanks: phone and LID, or the id of a group."""
    forgotten_at: Mapped[datetime | None]
    """Since when nothing but its ids and numbers is kept; null once the contact writes again."""


class LineRow(Base):
    """One line of a conversation, whoever wrote it."""

    __tablename__ = "line"
    __table_args__ = (UniqueConstraint("conversation_id", "message_id", name="uq_line_message"),)

    conversation_id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    role: Mapped[str]
    speaker: Mapped[str] = mapped_column(server_default=text("''"))
    attached: Mapped[str] = mapped_column(server_default=text("''"))
    """What came with the words: a place, a contact, a choice, what is quoted."""
    unsent: Mapped[bool] = mapped_column(server_default=text("false"))
    """It was to be sent and never will be."""
    opted_out: Mapped[bool] = mapped_column(server_default=text("false"))
    """Its customer wanted to hear nothing: it waits for no answer."""
    text: Mapped[str]
    message_id: Mapped[str | None]
    written_at: Mapped[datetime]
    media: Mapped[dict[str, Any] | None]
    run_id: Mapped[str | None]


class RunRow(Base):
    """One answering of a turn, from its first journaled step to its end."""

    __tablename__ = "run"
    __table_args__ = (
        Index("ix_run_conversation", "conversation_id", "created_at"),
        Index("ix_run_open", "turn_id", postgresql_where=text("outcome = 'open'")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    conversation_id: Mapped[str]
    turn_id: Mapped[str]
    upto_seq: Mapped[int]
    outcome: Mapped[str]
    """open, sent, told, finished, refused, flagged, withheld, handed_off, superseded, dropped."""
    answer: Mapped[str]
    model: Mapped[str]
    input_tokens: Mapped[int]
    cached_tokens: Mapped[int]
    output_tokens: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    agent_id: Mapped[str] = mapped_column(server_default=text("''"))
    reason: Mapped[str] = mapped_column(server_default=text("''"))
    cost_micros: Mapped[int] = mapped_column(server_default=text("0"))
    latency_ms: Mapped[int] = mapped_column(server_default=text("0"))
    ended_at: Mapped[datetime | None]


class RunStepRow(Base):
    """One step of a run: what keeps us from paying or acting twice, and the ledger of usage."""

    __tablename__ = "run_step"
    __table_args__ = (
        Index("ix_run_step_usage", "tenant_id", "created_at", postgresql_where=text("model <> ''")),
        Index("ix_run_step_conversation", "conversation_id"),
    )

    run_id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    agent_id: Mapped[str]
    conversation_id: Mapped[str]
    kind: Mapped[str]
    state: Mapped[str]
    name: Mapped[str]
    call_id: Mapped[str]
    input: Mapped[dict[str, Any]]
    output: Mapped[dict[str, Any]]
    model: Mapped[str]
    input_tokens: Mapped[int]
    cached_tokens: Mapped[int]
    output_tokens: Mapped[int]
    cost_micros: Mapped[int]
    priced: Mapped[bool]
    """False when the model had no price of its own, and the default was taken."""
    latency_ms: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class MeterRow(Base):
    """What a tenant, an agent or a contact has used; buckets hold what is left of a minute."""

    __tablename__ = "meter"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(primary_key=True)
    requests: Mapped[float | None] = mapped_column(Double)
    requests_at: Mapped[datetime] = mapped_column(server_default=func.now())
    tokens: Mapped[float | None] = mapped_column(Double)
    tokens_at: Mapped[datetime] = mapped_column(server_default=func.now())
    day: Mapped[date] = mapped_column(Date)
    day_micros: Mapped[int] = mapped_column(server_default=text("0"))
    month: Mapped[date] = mapped_column(Date)
    month_micros: Mapped[int] = mapped_column(server_default=text("0"))
    told: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    counted_for: Mapped[datetime | None]
    """Which state of the limits the money is counted for; another one makes it be counted anew."""


class ReservationRow(Base):
    """What a run may still use of the budgets; worthless once it has expired."""

    __tablename__ = "reservation"
    __table_args__ = (Index("ix_reservation_tenant", "tenant_id", "expires_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    agent_id: Mapped[str]
    conversation_id: Mapped[str]
    tokens: Mapped[int]
    micros: Mapped[int]
    expires_at: Mapped[datetime]


class TenantLimitRow(Base):
    """What a whole tenant may use, by its own word and by the operator's."""

    __tablename__ = "tenant_limit"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    limits: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ceiling: Mapped[dict[str, Any] | None]
    """Above which its own limits cannot go; null for none."""


class ModelPriceRow(Base):
    """What a model costs: micro-USD per million tokens and minute of sound; operators edit it."""

    __tablename__ = "model_price"

    model: Mapped[str] = mapped_column(primary_key=True)
    input_micros: Mapped[int]
    cached_micros: Mapped[int]
    output_micros: Mapped[int]
    minute_micros: Mapped[int] = mapped_column(server_default=text("0"))
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ContactFactRow(Base):
    """What an agent was told about a contact, and notes for the team."""

    __tablename__ = "contact_fact"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    contact_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class FollowUpRow(Base):
    """Something to be said later."""

    __tablename__ = "follow_up"
    __table_args__ = (
        Index(
            "ix_follow_up_waiting",
            "conversation_id",
            postgresql_where=text("state = 'waiting'"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    conversation_id: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=text("'waiting'"))
    text: Mapped[str]
    due_at: Mapped[datetime]
    cancel_on_reply: Mapped[bool]


class MediaLibraryRow(Base):
    """A file that agents of a tenant may send."""

    __tablename__ = "media_library"
    __table_args__ = (UniqueConstraint("tenant_id", "name", name="uq_media_library_name"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    name: Mapped[str]
    kind: Mapped[str]
    mimetype: Mapped[str]
    size: Mapped[int]
    reference: Mapped[str]
    created_at: Mapped[datetime]


class HttpToolRow(Base):
    """A tool of a tenant's own."""

    __tablename__ = "http_tool"
    __table_args__ = (UniqueConstraint("tenant_id", "name", name="uq_http_tool_name"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    name: Mapped[str]
    definition: Mapped[dict[str, Any]]
    sealed_secret: Mapped[str | None]
    created_at: Mapped[datetime]
