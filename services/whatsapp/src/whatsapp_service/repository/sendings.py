"""The two statements before each call: what is to be sent, and that its call begins."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from common.contracts import CommandId
from common.db import Executes, Sql
from whatsapp_service.domain.model import Outbound
from whatsapp_service.domain.ports import Sending
from whatsapp_service.repository.outbound_rows import COLUMNS, read_sending
from whatsapp_service.repository.settings_rows import SETTINGS_COLUMNS

_SENDING = Sql(f"""
    select {COLUMNS}, i.state as number_state, i.transport, now.reply_to, now.phone, now.lid,
           case when not i.deleting and (i.created or i.state <> 'deleted')
                then i.instance end as instance,
           exists (select 1 from opt_out where chat_id = now.id) as opted_out, {SETTINGS_COLUMNS}
    from outbound o
    left join integration i on i.id = o.integration_id
    left join chat c on c.id = o.chat_id
    left join chat now on now.id = coalesce(c.merged_into, c.id)
    left join sending_settings s on s.tenant_id = o.tenant_id
    where o.command_id = any(cast(:ids as text[]))""")
_BEGIN = Sql("""
    update outbound o set state = 'sending', attempt_at = row.at
    from unnest(cast(:ids as text[]), cast(:ats as timestamptz[]), cast(:states as text[]),
                cast(:befores as timestamptz[])) as row(id, at, state, before)
    where o.command_id = row.id and o.state = row.state
      and o.attempt_at is not distinct from row.before
    returning o.command_id""")


class Beginning(NamedTuple):
    """A call that is about to be made, for a command as it was read."""

    outbound: Outbound
    at: datetime


class PostgresSendings:
    """Reads and notes what is about to be sent, each in one statement."""

    def __init__(self, database: Executes) -> None:
        self._database = database

    async def get(self, ids: Sequence[CommandId]) -> list[Sending | None]:
        """Find commands, with all that must be known to send them."""
        rows = await self._database.execute(_SENDING, {"ids": list(ids)})
        found = {row["command_id"]: read_sending(row) for row in rows}
        return [found.get(one) for one in ids]

    async def begin(self, calls: Sequence[Beginning]) -> list[bool]:
        """Note that calls begin; False for those whose command is no longer as it was read."""
        rows = await self._database.execute(
            _BEGIN,
            {
                "ids": [call.outbound.command_id for call in calls],
                "ats": [call.at for call in calls],
                "states": [call.outbound.state for call in calls],
                "befores": [call.outbound.attempt_at for call in calls],
            },
        )
        begun = set(rows.scalars())
        return [call.outbound.command_id in begun for call in calls]
