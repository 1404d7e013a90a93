"""What operators read: as the tenant's own role sees it, so no filter can be forgotten."""

from typing import Any

from common.contracts import IntegrationId, TenantId
from common.db import Database, Sql, api_role
from common.errors import NotFound
from common.places import Place
from whatsapp_service.domain.ports.places import EARLIEST, MessagePlace

# By way of the tenant's numbers, whose index exists already: another would cost every message.
# In that index's order alone, ties and all: the planner takes any number's chats for few, and would
# rather sort them.
_CHATS = Sql("""
    select c.* from integration i cross join lateral (
        select id, integration_id, phone, lid, group_id, name, last_message_at from chat
        where integration_id = i.id and merged_into is null and (last_message_at, id) < (:at, :id)
        order by last_message_at desc fetch first (:limit) rows with ties) c
    order by c.last_message_at desc, c.id desc limit :limit""")
_CHAT = Sql("select coalesce(merged_into, id) from chat where id = :chat")
# Who answers does so in the chat's order: the first command after a message is its answer.
_MESSAGES = Sql("""
    select m.message_id, m.integration_id, m.outgoing, m.kind, m.text, m.command_id, m.sent_at,
           m.stored_at, m.edited_at, m.deleted_at, d.status as delivery, d.delivered_at, d.read_at,
           case when d.status = 'failed' then d.updated_at end as failed_at,
           f.state as media_state, f.mimetype, f.file_name, f.size, f.reason as media_reason,
           o.created_at as asked_at, o.attempt_at as sending_at,
           a.created_at as answered_at, a.sent_at as answer_sent_at
    from whatsapp_message m
    left join delivery d using (integration_id, message_id)
    left join media f using (integration_id, message_id)
    left join outbound o on o.command_id = m.command_id
    left join lateral (
        select created_at, sent_at from outbound
        where not m.outgoing and chat_id = m.chat_id and created_at >= m.stored_at
        order by created_at limit 1) a on true
    where m.chat_id = :chat
      and (m.sent_at, m.stored_at, m.message_id collate "C") < (:at, :stored_at, :id)
    -- WhatsApp tells whole seconds: within one, by when we heard of it.
    order by m.sent_at desc, m.stored_at desc, m.message_id collate "C" desc limit :limit""")
# Not older than the page: of a long chat, nearly every command was sent.
_UNSENT = Sql("""
    select command_id, integration_id, kind, text, state, code, reason, created_at, attempt_at,
           expires_at
    from outbound
    where chat_id = :chat and message_id is null and created_at >= :oldest
      and (created_at, created_at, command_id collate "C") < (:at, :stored_at, :id)
    order by created_at desc, command_id collate "C" desc limit :limit""")
_SWEEPS = Sql("""
    select id, cause, since, started_at, ended_at, checked, missing, repaired, levels, complete
    from sweep where integration_id = :number and (started_at, id) < (:at, :id)
    order by started_at desc, id desc limit :limit""")
_ANSWERED = ("answered_at", "answer_sent_at")
_LEFT = ("asked_at", "sending_at", "delivered_at", "read_at", "failed_at")
_FILE = ("media_state", "mimetype", "file_name", "size", "media_reason")


class PostgresReads:
    """Read-only views of one tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def chats(self, tenant: TenantId, *, after: Place, limit: int) -> list[dict[str, Any]]:
        """List chats from a place on, the most recent first."""
        return await self._rows(tenant, _CHATS, limit=limit, **after._asdict())

    async def messages(
        self, tenant: TenantId, chat_id: str, *, after: MessagePlace, limit: int
    ) -> list[dict[str, Any]]:
        """List a chat's messages from a place on, the newest first, each with its journey.

        What waits to be sent, or never was, is among them, by the time it was asked for.

        Raises:
            NotFound: the tenant has no such chat.
        """
        found = await self._rows(tenant, _CHAT, chat=chat_id)
        if not found:
            raise NotFound(f"no chat {chat_id}")
        [surviving] = found[0].values()
        page = {"chat": surviving, "limit": limit, **after._asdict()}
        written = [_written(row) for row in await self._rows(tenant, _MESSAGES, **page)]
        oldest = EARLIEST if len(written) < limit else written[-1]["at"]
        rows = await self._rows(tenant, _UNSENT, **page, oldest=oldest)
        found = written + [_unsent(row) for row in rows]
        return sorted(found, key=MessagePlace.of, reverse=True)[:limit]

    async def sweeps(
        self, tenant: TenantId, integration_id: IntegrationId, *, after: Place, limit: int
    ) -> list[dict[str, Any]]:
        """List comparisons of a number with Evolution from a place on, the newest first."""
        page = {"limit": limit, **after._asdict()}
        return await self._rows(tenant, _SWEEPS, number=integration_id, **page)

    async def _rows(self, tenant: TenantId, statement: Any, **values: Any) -> list[dict[str, Any]]:
        async with self._database.tenant_transaction(
            role=api_role("whatsapp"), tenant=tenant
        ) as connection:
            rows = await connection.execute(statement, values)
            return [dict(row) for row in rows]


def _written(row: dict[str, Any]) -> dict[str, Any]:
    """Show a message that was written, with the times of its way."""
    state, mimetype, name, size, reason = (row.pop(field) for field in _FILE)
    left = {field: row.pop(field) for field in _LEFT}
    answered = {field: row.pop(field) for field in _ANSWERED}
    way = left | {"sent_at": row["sent_at"]} if row["outgoing"] else answered
    row["journey"] = {"written_at": row["sent_at"], "stored_at": row["stored_at"], **way}
    row["media"] = None
    if state is not None:
        facts = {"mimetype": mimetype, "file_name": name, "size": size}
        row["media"] = {"state": state, "reason": reason, **facts}
    return {"at": row["sent_at"], "state": "sent" if row["outgoing"] else "received", **row}


def _unsent(row: dict[str, Any]) -> dict[str, Any]:
    """Show a message that was asked for and has not been sent."""
    ended = row["state"] in {"failed", "cancelled"}
    return {
        "at": row["created_at"],
        "state": row["state"],
        "message_id": None,
        "integration_id": row["integration_id"],
        "outgoing": True,
        "kind": row["kind"],
        "text": row["text"],
        "command_id": row["command_id"],
        "delivery": None,
        "media": None,
        "code": row["code"],
        "reason": row["reason"],
        "expires_at": row["expires_at"],
        "journey": {
            "asked_at": row["created_at"],
            "sending_at": row["attempt_at"],
            "ended": row["state"] if ended else None,
        },
    }
