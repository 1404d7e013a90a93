"""Statements about chats and the names WhatsApp has for them."""

from collections.abc import Sequence

from common.contracts import ChatId, IntegrationId, TenantId
from common.db import Connection, Sql
from whatsapp_service.domain.model import chat_id_of
from whatsapp_service.domain.ports import FoundChat, SeenChat

_FIND = Sql("""
    select a.integration_id, a.alias, a.chat_id, o.chat_id is not null as opted_out from alias a
    join unnest(cast(:integrations as text[]), cast(:aliases as text[])) as x(integration_id, alias)
      on a.integration_id = x.integration_id and a.alias = x.alias
    left join opt_out o on o.chat_id = a.chat_id""")
_LEARN = Sql("""
    insert into alias (integration_id, alias, tenant_id, chat_id)
    select * from unnest(cast(:integrations as text[]), cast(:aliases as text[]),
                         cast(:tenants as text[]), cast(:chats as text[]))
    on conflict (integration_id, alias) do nothing""")
_TOUCH = Sql("""
    insert into chat as c
        (id, tenant_id, integration_id, phone, lid, group_id, reply_to, name, last_message_at)
    select * from unnest(
        cast(:ids as text[]), cast(:tenants as text[]), cast(:integrations as text[]),
        cast(:phones as text[]), cast(:lids as text[]), cast(:groups as text[]),
        cast(:jids as text[]), cast(:names as text[]), cast(:ats as timestamptz[]))
    on conflict (id) do update set
        phone = coalesce(excluded.phone, c.phone), lid = coalesce(excluded.lid, c.lid),
        name = coalesce(excluded.name, c.name),
        reply_to = case when excluded.last_message_at >= c.last_message_at
                        then excluded.reply_to else c.reply_to end,
        last_message_at = greatest(c.last_message_at, excluded.last_message_at)""")
_MERGE = (
    Sql("update alias set chat_id = :into where chat_id = :gone"),
    Sql("update whatsapp_message set chat_id = :into where chat_id = :gone"),
    Sql("update outbound set chat_id = :into where chat_id = :gone"),
    Sql("""
        insert into opt_out select :into, tenant_id, integration_id, message_id, word, at
        from opt_out where chat_id = :gone on conflict (chat_id) do nothing"""),
    Sql("update chat set merged_into = :into where id = :gone or merged_into = :gone"),
)
_FORGET = (
    # Deleted for us, so that no comparison with the provider fills them again.
    Sql("""
        update whatsapp_message set
            text = '', content = '{}', participant = null, deleted_at = coalesce(deleted_at, now())
        where chat_id = :chat"""),
    # What is asked for again is answered by its first part alone.
    Sql("""
        update outbound set text = '', content = null, sent_ids = sent_ids[1:1]
        where chat_id = :chat and state in ('sent', 'failed', 'cancelled', 'given_up')"""),
    Sql("update chat set name = null where id = :chat or merged_into = :chat"),
)
_NAMES = Sql("select integration_id, alias from alias where chat_id = :chat")
# What could not be read may have come before its chat was known, or by another of its names.
_FORGET_EVENTS = Sql("delete from inbound_event where chat_id = any(cast(:chats as text[]))")
_OWNED = Sql("""
    select c.tenant_id, c.integration_id, c.id, coalesce(c.merged_into, c.id) from chat c
    join unnest(cast(:tenants as text[]), cast(:integrations as text[]), cast(:ids as text[]))
      as x(tenant_id, integration_id, id)
      on c.id = x.id and c.tenant_id = x.tenant_id and c.integration_id = x.integration_id""")


class PostgresChats:
    """Chats and aliases, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def resolve(self, seen: Sequence[SeenChat]) -> list[FoundChat]:
        """Find or create the chat of each address, merging those that prove to be one.

        The chat rows stay locked until the commit, so events of one chat are published in the
        order of commits.
        """
        if not seen:
            return []
        names_of = [[(s.integration.id, alias) for alias in s.address.aliases] for s in seen]
        known, opted_out = await self._known({name for names in names_of for name in names})
        learned: dict[tuple[str, str], tuple[str, ChatId]] = {}
        ids: list[ChatId] = []
        for (integration, address, _), names in zip(seen, names_of, strict=True):
            found = list(dict.fromkeys(known[name] for name in names if name in known))
            chat = found[0] if found else address.chat_id(integration.id)
            for other in found[1:]:
                await self._merge(gone=other, into=chat)
                known = {name: chat if c == other else c for name, c in known.items()}
                ids = [chat if c == other else c for c in ids]
                if other in opted_out:
                    opted_out.add(chat)
            for name in names:
                if name not in known:
                    known[name] = chat
                    learned[name] = (integration.tenant, chat)
            ids.append(chat)
        await self._touch(seen, ids)
        if learned:
            await self._learn(learned)
        return [FoundChat(chat, chat in opted_out) for chat in ids]

    async def _known(
        self, names: set[tuple[str, str]]
    ) -> tuple[dict[tuple[str, str], ChatId], set[ChatId]]:
        """Find the chat of each name, and those of them whose customer wants nothing more."""
        rows = await self._connection.execute(
            _FIND,
            {"integrations": [i for i, _ in names], "aliases": [alias for _, alias in names]},
        )
        known = {(row[0], row[1]): ChatId(row[2]) for row in rows}
        return known, {ChatId(row[2]) for row in rows if row[3]}

    async def _merge(self, *, gone: ChatId, into: ChatId) -> None:
        for statement in _MERGE:
            await self._connection.execute(statement, {"gone": gone, "into": into})

    async def _learn(self, learned: dict[tuple[str, str], tuple[str, ChatId]]) -> None:
        names = sorted(learned)
        await self._connection.execute(
            _LEARN,
            {
                "integrations": [i for i, _ in names],
                "aliases": [alias for _, alias in names],
                "tenants": [learned[name][0] for name in names],
                "chats": [learned[name][1] for name in names],
            },
        )

    async def _touch(self, seen: Sequence[SeenChat], ids: Sequence[ChatId]) -> None:
        known: dict[ChatId, SeenChat] = {}
        for chat, one in zip(ids, seen, strict=True):
            known[chat] = _joined(known[chat], one) if chat in known else one
        # In the order of ids, so that two transactions never lock the same rows crosswise.
        rows = sorted(known.items())
        await self._connection.execute(
            _TOUCH,
            {
                "ids": [chat for chat, _ in rows],
                "tenants": [s.integration.tenant for _, s in rows],
                "integrations": [s.integration.id for _, s in rows],
                "phones": [s.address.phone for _, s in rows],
                "lids": [s.address.lid for _, s in rows],
                "groups": [s.address.group for _, s in rows],
                "jids": [s.address.reply_to for _, s in rows],
                "names": [s.address.name for _, s in rows],
                "ats": [s.at for _, s in rows],
            },
        )

    async def owned(
        self, chats: Sequence[tuple[TenantId, IntegrationId, ChatId]]
    ) -> dict[tuple[TenantId, IntegrationId, ChatId], ChatId]:
        """Say which of these chats are the tenant's, and which chat each of them is by now."""
        rows = await self._connection.execute(
            _OWNED,
            {
                "tenants": [tenant for tenant, _, _ in chats],
                "integrations": [integration for _, integration, _ in chats],
                "ids": [chat for _, _, chat in chats],
            },
        )
        return {
            (TenantId(t), IntegrationId(i), ChatId(asked)): ChatId(now) for t, i, asked, now in rows
        }

    async def forget(self, chat: ChatId) -> None:
        """Delete the words of all its messages, what we could not read, and whom it is with."""
        for statement in _FORGET:
            await self._connection.execute(statement, {"chat": chat})
        names = await self._connection.execute(_NAMES, {"chat": chat})
        chats = {chat, *(chat_id_of(integration, alias) for integration, alias in names)}
        await self._connection.execute(_FORGET_EVENTS, {"chats": sorted(chats)})


def _joined(one: SeenChat, other: SeenChat) -> SeenChat:
    """Join what two sights of a chat tell: the later one rules, and neither is forgotten."""
    early, late = (one, other) if other.at >= one.at else (other, one)
    if early.address == late.address:
        return late
    address = late.address._replace(
        phone=late.address.phone or early.address.phone,
        lid=late.address.lid or early.address.lid,
        name=late.address.name or early.address.name,
    )
    return late._replace(address=address)
