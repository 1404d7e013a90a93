"""The two tables behind "one message, one effect": the inbox and the outbox."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
)

from common.db.tenancy import RunsSql


def add_messaging_tables(metadata: MetaData) -> None:
    """Declare inbox and outbox in a service's schema."""
    Table(
        "inbox",
        metadata,
        Column("event_id", Text, primary_key=True),
        Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Index("ix_inbox_received_at", "received_at"),
    )
    Table(
        "outbox",
        metadata,
        Column("seq", BigInteger, Identity(always=True), primary_key=True),
        Column("topic", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("value", LargeBinary),
        Column("headers", Text, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("failed_at", DateTime(timezone=True)),
        Column("error", Text),
    )


def create_messaging_tables(op: RunsSql) -> None:
    """Create inbox and outbox (first shape); called by each service's first migration."""
    op.execute("""
        create table inbox (
            event_id text not null constraint pk_inbox primary key,
            received_at timestamptz not null default now()
        )""")
    op.execute("create index ix_inbox_received_at on inbox using brin (received_at)")
    op.execute("""
        create table outbox (
            seq bigint not null generated always as identity constraint pk_outbox primary key,
            topic text not null,
            key text not null,
            value bytea,
            headers text not null,
            created_at timestamptz not null default now(),
            failed_at timestamptz,
            error text
        )""")
    # Rows live for milliseconds: vacuum by count, not by share of a table that is mostly empty.
    op.execute("""
        alter table outbox set (
            autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)""")


def index_inbox_by_age(op: RunsSql) -> None:
    """Let old events be found by an index that is in order; of an inbox from before.

    A BRIN index tells nothing any more once new rows lie where old ones were deleted.
    """
    op.execute("drop index ix_inbox_received_at")
    op.execute("create index ix_inbox_received_at on inbox (received_at)")


def index_inbox_by_block(op: RunsSql) -> None:
    """Undo `index_inbox_by_age`."""
    op.execute("drop index ix_inbox_received_at")
    op.execute("create index ix_inbox_received_at on inbox using brin (received_at)")


def drop_messaging_tables(op: RunsSql) -> None:
    """Undo `create_messaging_tables`."""
    op.execute("drop table outbox")
    op.execute("drop table inbox")
