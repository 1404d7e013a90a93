"""Statements about customers who want nothing more, and about how tenants want to send."""

from collections.abc import Sequence

from common.contracts import ChatId, TenantId
from common.db import Connection, Sql
from common.places import Place
from whatsapp_service.domain.model import SendingSettings
from whatsapp_service.domain.ports import OptOut
from whatsapp_service.repository.settings_rows import (
    SETTINGS_COLUMNS,
    read_settings,
    write_settings,
)

_SETTINGS = Sql(f"""
    select s.tenant_id, {SETTINGS_COLUMNS} from sending_settings s
    where s.tenant_id = any(cast(:tenants as text[]))""")
_SAVE = Sql("""
    insert into sending_settings
        (tenant_id, quiet_from, quiet_until, quiet_zone, daily_budget, broadcast_gap_ms, warm_up,
         typing_ms_per_char, choices, opt_out_words, opt_in_words, opt_out_reply)
    values (:tenant, :quiet_from, :quiet_until, :quiet_zone, :daily_budget, :broadcast_gap_ms,
            :warm_up, :typing_ms_per_char, :choices, cast(:opt_out_words as text[]),
            cast(:opt_in_words as text[]), :opt_out_reply)
    on conflict (tenant_id) do update set
        quiet_from = excluded.quiet_from, quiet_until = excluded.quiet_until,
        quiet_zone = excluded.quiet_zone, daily_budget = excluded.daily_budget,
        broadcast_gap_ms = excluded.broadcast_gap_ms, warm_up = excluded.warm_up,
        typing_ms_per_char = excluded.typing_ms_per_char, choices = excluded.choices,
        opt_out_words = excluded.opt_out_words, opt_in_words = excluded.opt_in_words,
        opt_out_reply = excluded.opt_out_reply, updated_at = now()""")
_ADD = Sql("""
    insert into opt_out (chat_id, tenant_id, integration_id, message_id, word, at)
    values (:chat, :tenant, :integration, :message, :word, :at)
    on conflict (chat_id) do nothing
    returning chat_id""")
_REMOVE = Sql("delete from opt_out where chat_id = :chat returning chat_id")
_ALL = Sql("""
    select tenant_id, integration_id, chat_id, message_id, word, at from opt_out
    where (at, chat_id) < (:at, :id)
    order by at desc, chat_id desc limit :limit""")
_WORDS = Sql("""
    select distinct unnest(opt_out_words || opt_in_words) from sending_settings""")


class PostgresOptOuts:
    """Opt-outs and sending settings, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def settings(self, tenants: Sequence[TenantId]) -> dict[TenantId, SendingSettings]:
        """Give what tenants have set; those that have set nothing are absent."""
        rows = await self._connection.execute(_SETTINGS, {"tenants": list(tenants)})
        return {TenantId(row["tenant_id"]): read_settings(row) for row in rows}

    async def save(self, tenant: TenantId, settings: SendingSettings) -> None:
        """Keep what a tenant has set."""
        await self._connection.execute(_SAVE, {"tenant": tenant, **write_settings(settings)})

    async def add(self, opt_out: OptOut) -> bool:
        """Note that a customer wants nothing more; False when it is known."""
        rows = await self._connection.execute(
            _ADD,
            {
                "chat": opt_out.chat_id,
                "tenant": opt_out.tenant,
                "integration": opt_out.integration_id,
                "message": opt_out.message_id,
                "word": opt_out.word,
                "at": opt_out.at,
            },
        )
        return rows.first() is not None

    async def remove(self, chat_id: ChatId) -> bool:
        """Note that they want to hear from us again; False when they always did."""
        return (await self._connection.execute(_REMOVE, {"chat": chat_id})).first() is not None

    async def all(self, *, after: Place, limit: int) -> list[OptOut]:
        """List opt-outs that this transaction may see from a place on, the newest first."""
        page = {"limit": limit, **after._asdict()}
        return [OptOut(*row) for row in await self._connection.execute(_ALL, page)]

    async def words(self) -> frozenset[str]:
        """Give every word that means something to some tenant."""
        return frozenset((await self._connection.execute(_WORDS)).scalars())
