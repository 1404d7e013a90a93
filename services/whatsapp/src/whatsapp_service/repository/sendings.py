"""The two statements before each call: what is to be sent, and that its call begins."""

from datetime import datetime

from common.contracts import CommandId
from common.db import Executes, Sql
from whatsapp_service.domain.model import Outbound
from whatsapp_service.domain.ports import Sending
from whatsapp_service.repository.outbound_rows import COLUMNS, read_sending
from whatsapp_service.repository.settings_rows import SETTINGS_COLUMNS

_SENDING = Sql(f"""
    select {COLUMNS}, i.state as number_state, now.reply_to, now.phone, now.lid,
           case when not i.deleting and (i.created or i.state <> 'deleted')
                then i.instance end as instance,
           exists (select 1 from opt_out where chat_id = now.id) as opted_out, {SETTINGS_COLUMNS}
    from outbound o
    left join integration i on i.id = o.integration_id
    left join chat c on c.id = o.chat_id
    left join chat now on now.id = coalesce(c.merged_into, c.id)
    left join sending_settings s on s.tenant_id = o.tenant_id
    where o.command_id = :id""")
_BEGIN = Sql("""
    update outbound set state = 'sending', attempt_at = :at
    where command_id = :id and state = :state
      and attempt_at is not distinct from cast(:before as timestamptz)
    returning command_id""")


class PostgresSendings:
    """Reads and notes what is about to be sent, on a connection of its own each."""

    def __init__(self, database: Executes) -> None:
        self._database = database

    async def get(self, command_id: CommandId) -> Sending | None:
        """Find a command, with all that must be known to send it."""
        row = (await self._database.execute(_SENDING, {"id": command_id})).first()
        return None if row is None else read_sending(row)

    async def begin(self, outbound: Outbound, at: datetime) -> bool:
        """Note that a call begins; False when it is no longer as it was read."""
        rows = await self._database.execute(
            _BEGIN,
            {
                "id": outbound.command_id,
                "at": at,
                "state": outbound.state,
                "before": outbound.attempt_at,
            },
        )
        return rows.first() is not None
