"""What this service remembers, on one screen."""

from datetime import datetime, time
from typing import Any

from sqlalchemy import ARRAY, JSON, Index, Text, UniqueConstraint, func, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from common import db
from common.db import add_messaging_tables, new_metadata
from common.lanes import add_lane_tables

_sql = text
"""For tables with a column of that name."""


class Base(db.Base, DeclarativeBase):
    """The tables of the whatsapp service."""

    metadata = new_metadata()


add_messaging_tables(Base.metadata)
add_lane_tables(Base.metadata)


class IntegrationRow(Base):
    """A WhatsApp number, its connection, and the agent bound to it."""

    __tablename__ = "integration"
    __table_args__ = (
        UniqueConstraint("instance"),
        UniqueConstraint("tenant_id", "agent_id", "channel", name="uq_integration_binding"),
        Index(
            "ix_integration_check",
            "check_at",
            postgresql_where=text("not deleting"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    agent_id: Mapped[str]
    channel: Mapped[str]
    instance: Mapped[str]
    generation: Mapped[int] = mapped_column(server_default=text("1"))
    created: Mapped[bool] = mapped_column(server_default=text("false"))
    creating_until: Mapped[datetime | None]
    state: Mapped[str]
    reason: Mapped[str | None]
    phone: Mapped[str | None]
    profile_name: Mapped[str | None]
    sealed_token: Mapped[str | None]
    qr_image: Mapped[str | None]
    qr_code: Mapped[str | None]
    pairing_code: Mapped[str | None]
    qr_at: Mapped[datetime | None]
    told_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    name: Mapped[str | None]
    transport: Mapped[str] = mapped_column(server_default=text("'baileys'"))
    account_number: Mapped[str | None]
    business_id: Mapped[str | None]
    previous_until: Mapped[datetime | None]
    deleting: Mapped[bool] = mapped_column(server_default=text("false"))
    check_at: Mapped[datetime] = mapped_column(server_default=func.now())
    missed_checks: Mapped[int] = mapped_column(server_default=text("0"))
    sweep_at: Mapped[datetime] = mapped_column(server_default=func.now())
    swept_until: Mapped[datetime | None]


class ChatRow(Base):
    """A conversation with one person or group on one number."""

    __tablename__ = "chat"
    __table_args__ = (Index("ix_chat_recent", "integration_id", "last_message_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    integration_id: Mapped[str]
    phone: Mapped[str | None]
    lid: Mapped[str | None]
    group_id: Mapped[str | None]
    reply_to: Mapped[str]
    name: Mapped[str | None]
    merged_into: Mapped[str | None]
    last_message_at: Mapped[datetime]


class AliasRow(Base):
    """A name by which WhatsApp may call a chat: a phone, a LID, a group."""

    __tablename__ = "alias"

    integration_id: Mapped[str] = mapped_column(primary_key=True)
    alias: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    chat_id: Mapped[str] = mapped_column(index=True)


class MessageRow(Base):
    """A message, in or out, once per (integration, WhatsApp's id)."""

    __tablename__ = "whatsapp_message"
    __table_args__ = (
        Index("ix_message_chat", "chat_id", "sent_at"),
        # Partial: what customers write has no command, and should not pay for the index.
        Index("ix_message_command", "command_id", postgresql_where=text("command_id is not null")),
    )

    integration_id: Mapped[str] = mapped_column(primary_key=True)
    message_id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    chat_id: Mapped[str]
    outgoing: Mapped[bool]
    kind: Mapped[str]
    text: Mapped[str]
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    command_id: Mapped[str | None]
    participant: Mapped[str | None]
    sent_at: Mapped[datetime]
    stored_at: Mapped[datetime] = mapped_column(server_default=func.now())
    edited_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]


class DeliveryRow(Base):
    """How far a message came; kept apart because an ack may come before its message."""

    __tablename__ = "delivery"

    integration_id: Mapped[str] = mapped_column(primary_key=True)
    message_id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    status: Mapped[str]
    level: Mapped[int]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    delivered_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]


class MediaRow(Base):
    """The file of a message: wanted, kept, refused, or not to be had."""

    __tablename__ = "media"
    __table_args__ = (
        Index("ix_media_age", "updated_at", postgresql_where=text("state = 'stored'")),
    )

    integration_id: Mapped[str] = mapped_column(primary_key=True)
    message_id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    state: Mapped[str]
    kind: Mapped[str]
    mimetype: Mapped[str | None]
    file_name: Mapped[str | None]
    seconds: Mapped[int | None]
    size: Mapped[int | None]
    sha256: Mapped[str | None]
    reference: Mapped[str | None]
    reason: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class OutboundRow(Base):
    """A message that we were asked to send, from the command to its end."""

    __tablename__ = "outbound"
    __table_args__ = (
        Index("ix_outbound_chat", "chat_id", "created_at"),
        # Of the last hours, to judge a number by; as good as free to write.
        Index("ix_outbound_created", "created_at", postgresql_using="brin"),
    )

    command_id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    integration_id: Mapped[str]
    chat_id: Mapped[str]
    kind: Mapped[str] = mapped_column(server_default=_sql("'text'"))
    text: Mapped[str]
    content: Mapped[dict[str, Any] | None]
    typing_ms: Mapped[int]
    priority: Mapped[str] = mapped_column(server_default=_sql("'reply'"))
    exempt: Mapped[bool] = mapped_column(server_default=_sql("false"))
    state: Mapped[str]
    code: Mapped[str | None]
    reason: Mapped[str | None]
    message_id: Mapped[str | None]
    sent_ids: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=_sql("'{}'"))
    remote_jid: Mapped[str | None]
    attempt_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class OptOutRow(Base):
    """A chat whose customer wants nothing more, and the word that said so."""

    __tablename__ = "opt_out"
    __table_args__ = (Index("ix_opt_out_tenant", "tenant_id", "at"),)

    chat_id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    integration_id: Mapped[str]
    message_id: Mapped[str]
    word: Mapped[str]
    at: Mapped[datetime]


class SendingSettingsRow(Base):
    """How a tenant wants to send; absent while nothing was set."""

    __tablename__ = "sending_settings"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    quiet_from: Mapped[time | None]
    quiet_until: Mapped[time | None]
    quiet_zone: Mapped[str | None]
    daily_budget: Mapped[int | None]
    broadcast_gap_ms: Mapped[int]
    warm_up: Mapped[bool]
    typing_ms_per_char: Mapped[int]
    choices: Mapped[str]
    opt_out_words: Mapped[list[str]] = mapped_column(ARRAY(Text))
    opt_in_words: Mapped[list[str]] = mapped_column(ARRAY(Text))
    opt_out_reply: Mapped[str]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class NumberHealthRow(Base):
    """What sending has taught us about a number: its age, its risk, and the signs of it."""

    __tablename__ = "number_health"

    integration_id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    first_open_at: Mapped[datetime] = mapped_column(server_default=func.now())
    risk: Mapped[float] = mapped_column(server_default=text("0"))
    sent: Mapped[int] = mapped_column(server_default=text("0"))
    pending: Mapped[int] = mapped_column(server_default=text("0"))
    refused: Mapped[int] = mapped_column(server_default=text("0"))
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class InboundEventRow(Base):
    """What a provider told us and we could not (yet) read, kept whole."""

    __tablename__ = "inbound_event"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    integration_id: Mapped[str] = mapped_column(index=True)
    chat_id: Mapped[str | None] = mapped_column(index=True)
    event: Mapped[str]
    reason: Mapped[str]
    body: Mapped[dict[str, Any]]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)


class SweepRow(Base):
    """One comparison of what Evolution has with what we have, and what was made good."""

    __tablename__ = "sweep"
    __table_args__ = (Index("ix_sweep_number", "integration_id", "started_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    integration_id: Mapped[str]
    cause: Mapped[str]
    since: Mapped[datetime]
    checked: Mapped[int]
    missing: Mapped[int]
    repaired: Mapped[int]
    levels: Mapped[int]
    complete: Mapped[bool]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime] = mapped_column(server_default=func.now())
