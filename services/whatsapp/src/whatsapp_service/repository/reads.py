"""What operators read: as the tenant's own role sees it, so no filter can be forgotten."""

from typing import Any

from common.contracts import TenantId
from common.db import Database, Sql, api_role
from common.errors import NotFound
from common.lanes import waiting_lanes

_CHATS = Sql("""
    select id, integration_id, phone, lid, group_id, name, last_message_at from chat
    where merged_into is null
    order by last_message_at desc limit :limit""")
_CHAT = Sql("select coalesce(merged_into, id) from chat where id = :chat")
_MESSAGES = Sql("""
    select m.message_id, m.outgoing, m.kind, m.text, m.command_id, m.sent_at, m.stored_at,
           m.edited_at, m.deleted_at, d.status as delivery
    from whatsapp_message m
    left join delivery d using (integration_id, message_id)
    where m.chat_id = :chat
    order by m.sent_at desc limit :limit""")


class PostgresReads:
    """Read-only views of one tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def chats(self, tenant: TenantId, *, limit: int) -> list[dict[str, Any]]:
        """List chats, the most recent first."""
        return await self._rows(tenant, _CHATS, limit=limit)

    async def messages(self, tenant: TenantId, chat_id: str, *, limit: int) -> list[dict[str, Any]]:
        """List a chat's messages, the newest first.

        Raises:
            NotFound: the tenant has no such chat.
        """
        found = await self._rows(tenant, _CHAT, chat=chat_id)
        if not found:
            raise NotFound(f"no chat {chat_id}")
        [surviving] = found[0].values()
        return await self._rows(tenant, _MESSAGES, chat=surviving, limit=limit)

    async def lanes(self, tenant: TenantId, *, limit: int) -> list[dict[str, Any]]:
        """List chats with messages that wait to be sent."""
        async with self._database.tenant_transaction(
            role=api_role("whatsapp"), tenant=tenant
        ) as connection:
            return await waiting_lanes(connection, count=limit)

    async def _rows(self, tenant: TenantId, statement: Any, **values: Any) -> list[dict[str, Any]]:
        async with self._database.tenant_transaction(
            role=api_role("whatsapp"), tenant=tenant
        ) as connection:
            rows = await connection.execute(statement, values)
            return [dict(row) for row in rows]
