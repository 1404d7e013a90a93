"""Postgres: transactions, tenants, inbox, outbox and migrations."""

from common.db.base import Base, new_metadata
from common.db.database import (
    BROKEN,
    REFUSING,
    STATEMENT_SECONDS,
    Connection,
    Database,
    DatabaseAway,
    Executes,
    Rows,
    Sql,
    plain_url,
)
from common.db.environment import run_migrations
from common.db.gathering import Gatherer
from common.db.inbox import Inbox, purge_inbox
from common.db.messaging import (
    add_messaging_tables,
    create_messaging_tables,
    drop_messaging_tables,
    index_inbox_by_age,
    index_inbox_by_block,
)
from common.db.migrate import migrate
from common.db.outbox import Outbox, OutboxRow, outbox_columns, outbox_row, unpacked_headers
from common.db.tenancy import (
    RunsSql,
    api_role,
    isolate_by_tenant,
    let_api_publish,
    unprotected_tables,
)

__all__ = [
    "BROKEN",
    "REFUSING",
    "STATEMENT_SECONDS",
    "Base",
    "Connection",
    "Database",
    "DatabaseAway",
    "Executes",
    "Gatherer",
    "Inbox",
    "Outbox",
    "OutboxRow",
    "Rows",
    "RunsSql",
    "Sql",
    "add_messaging_tables",
    "api_role",
    "create_messaging_tables",
    "drop_messaging_tables",
    "index_inbox_by_age",
    "index_inbox_by_block",
    "isolate_by_tenant",
    "let_api_publish",
    "migrate",
    "new_metadata",
    "outbox_columns",
    "outbox_row",
    "plain_url",
    "purge_inbox",
    "run_migrations",
    "unpacked_headers",
    "unprotected_tables",
]
