"""Three tables: the lanes, the jobs in them, and the pace some of them must keep."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    Index,
    Interval,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)

from common.db import RunsSql

_STORAGE = "fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000"
"""Rows change several times and live briefly: room on the page, and vacuum by count."""


def add_lane_tables(metadata: MetaData) -> None:
    """Declare lanes, jobs and pacing in a service's schema."""
    Table(
        "lane",
        metadata,
        Column("queue", Text, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("tenant_id", Text, nullable=False),
        Column("pace_key", Text),
        Column("next_seq", BigInteger, nullable=False),
        Column("head_seq", BigInteger, nullable=False),
        Column("pending", BigInteger, nullable=False),
        Column("due_at", DateTime(timezone=True), nullable=False),
        Column("token", BigInteger, nullable=False, server_default=text("0")),
        Column("leased", Boolean, nullable=False, server_default=text("false")),
        Column("attempts", BigInteger, nullable=False, server_default=text("0")),
        Column("held_reason", Text),
        Index(
            "ix_lane_due",
            "queue",
            "due_at",
            postgresql_where=text("pending > 0 and held_reason is null"),
        ),
    )
    Table(
        "lane_job",
        metadata,
        Column("queue", Text, primary_key=True),
        Column("lane_key", Text, primary_key=True),
        Column("seq", BigInteger, primary_key=True),
        Column("tenant_id", Text, nullable=False),
        Column("command_id", Text, nullable=False),
        Column("payload", LargeBinary, nullable=False),
        Column("state", Text, nullable=False, server_default=text("'queued'")),
        Column("due_at", DateTime(timezone=True)),
        Column("last_error", Text),
        Column("traceparent", Text),
        Column("enqueued_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        UniqueConstraint("queue", "command_id", name="uq_lane_job_command"),
    )
    Table(
        "pace",
        metadata,
        Column("key", Text, primary_key=True),
        Column("tenant_id", Text, nullable=False),
        Column("next_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("gap", Interval, nullable=False),
        Column("jitter", Double, nullable=False, server_default=text("0")),
        Column("burst", BigInteger, nullable=False, server_default=text("1")),
        Column("budget", BigInteger),
        Column("day", Date, nullable=False, server_default=text("current_date")),
        Column("spent", BigInteger, nullable=False, server_default=text("0")),
    )


def create_lane_tables(op: RunsSql) -> None:
    """Create lanes, jobs and pacing (first shape)."""
    op.execute(f"""
        create table lane (
            queue text not null,
            key text not null,
            tenant_id text not null,
            pace_key text,
            next_seq bigint not null,
            head_seq bigint not null,
            pending bigint not null,
            due_at timestamptz not null,
            token bigint not null default 0,
            leased boolean not null default false,
            attempts bigint not null default 0,
            held_reason text,
            constraint pk_lane primary key (queue, key)
        ) with ({_STORAGE})""")
    op.execute("""
        create index ix_lane_due on lane (queue, due_at)
        where pending > 0 and held_reason is null""")
    op.execute(f"""
        create table lane_job (
            queue text not null,
            lane_key text not null,
            seq bigint not null,
            tenant_id text not null,
            command_id text not null,
            payload bytea not null,
            state text not null default 'queued',
            due_at timestamptz,
            last_error text,
            traceparent text,
            enqueued_at timestamptz not null default now(),
            constraint pk_lane_job primary key (queue, lane_key, seq),
            constraint uq_lane_job_command unique (queue, command_id)
        ) with ({_STORAGE})""")
    op.execute("""
        create table pace (
            key text not null constraint pk_pace primary key,
            tenant_id text not null,
            next_at timestamptz not null default now(),
            gap interval not null,
            jitter double precision not null default 0,
            burst bigint not null default 1,
            budget bigint,
            day date not null default current_date,
            spent bigint not null default 0
        )""")


def add_pace_burst(op: RunsSql) -> None:
    """Let paces that were created before there were bursts have them."""
    op.execute("alter table pace add column if not exists burst bigint not null default 1")


def drop_pace_burst(op: RunsSql) -> None:
    """Undo `add_pace_burst`."""
    op.execute("alter table pace drop column if exists burst")


def drop_lane_tables(op: RunsSql) -> None:
    """Undo `create_lane_tables`."""
    for table in ("pace", "lane_job", "lane"):
        op.execute(f"drop table {table}")
