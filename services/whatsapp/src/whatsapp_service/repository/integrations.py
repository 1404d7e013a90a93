"""Statements about numbers and their bindings."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from common.contracts import (
    AgentId,
    ConnectionChanged,
    ConnectionState,
    IntegrationId,
    TenantId,
)
from common.db import Connection, Sql
from common.places import Place
from whatsapp_service.domain.model import ENDED, Account, Integration, Qr, Transport

Seal = Callable[[str, Integration], str]

COLUMNS = """
    id, tenant_id, agent_id, instance, state, generation, updated_at, created, reason, phone,
    profile_name, qr_image, qr_code, pairing_code, qr_at, name, transport, account_number,
    business_id, previous_until, deleting"""
CHANGED = "parley_numbers"
"""The channel on which Postgres says that a number changed; the payload is its id."""

_BY_WEBHOOK = Sql(f"""
    select {COLUMNS} from integration
    where id = any(cast(:ids as text[])) or instance = any(cast(:instances as text[]))""")
_GET = Sql(f"select {COLUMNS} from integration where id = :id")
_OF_AGENT = Sql(f"""
    select {COLUMNS} from integration where agent_id = :agent and channel = :channel""")
_ALL = Sql(f"""
    select {COLUMNS} from integration where (updated_at, id) < (:at, :id)
    order by updated_at desc, id desc limit :limit""")
_BEGIN = Sql(f"""
    insert into integration as i
        (id, tenant_id, agent_id, channel, instance, state, creating_until, name, transport,
         account_number, business_id)
    values (:id, :tenant, :agent, :channel, :instance, :state, :until, :name, :transport,
            :number, :business)
    on conflict on constraint uq_integration_binding do update set
        creating_until = :until, name = coalesce(excluded.name, i.name),
        transport = excluded.transport, account_number = excluded.account_number,
        business_id = excluded.business_id
        where coalesce(i.creating_until < now(), true) and not i.deleting
          and (not i.created or i.state = any(cast(:ended as text[])))
    returning {COLUMNS}""")
# Deleted while it was made, it is made no longer.
_CREATED = Sql("""
    update integration set
        created = true, creating_until = null, sealed_token = :token,
        -- The first minute is told by webhook.
        check_at = now() + interval '1 minute'
    where id = :id and not deleting and creating_until is not null""")
# A number that was deleted and could not be made anew keeps its history.
_REMOVE = Sql("delete from integration where id = :id and not created and state <> 'deleted'")
_RELEASE = Sql("update integration set creating_until = null where id = :id")
_HEAR = Sql("""
    update integration set told_at = :told
    where id = :id and (
        told_at is null or :told > told_at
        -- Evolution says connecting and open in one breath, and one webhook may overtake another.
        or (:told = told_at and cast(:state as text) <> 'connecting')
        -- Longer ago than it tries to deliver anything: its clock was put back.
        or told_at - :told > interval '25 minutes')""")
# Asked of the row as it stands when its turn has come: whoever read it earlier may be wrong.
# What is made anew after a deletion lives again, and nothing else does.
_GONE = "(deleting or state = 'deleted' and coalesce(creating_until < now(), true))"
_CHANGE = Sql(f"""
    with before as (
        select id, state, {_GONE} as gone from integration where id = :id for update)
    update integration i set
        state = :state, reason = :reason, updated_at = now(),
        phone = coalesce(:phone, i.phone), profile_name = coalesce(:name, i.profile_name),
        qr_image = case when :keeps_qr then i.qr_image end,
        qr_code = case when :keeps_qr then i.qr_code end,
        pairing_code = case when :keeps_qr then i.pairing_code end,
        qr_at = case when :keeps_qr then i.qr_at end
    from before where i.id = before.id and before.state <> :state
      and (not before.gone or cast(:state as text) = 'deleted')
      and (cast(:ordered as boolean) or not (
          -- A code that was shown before the scan and told of after it.
          before.state in ('open', 'degraded') and cast(:state as text) = 'qr'
          -- Told for ever, ninety times a second, while WhatsApp is out of reach.
          or before.state = 'closed' and cast(:state as text) = 'connecting'))
    returning before.state, pg_notify('{CHANGED}', i.id)""")
_SHOW_QR = Sql(f"""
    update integration set
        qr_image = :image, qr_code = :code, pairing_code = :pairing, qr_at = now()
    where id = :id and state not in ('open', 'degraded') and not {_GONE}
    returning pg_notify('{CHANGED}', id)""")
_KEEPS_QR = {ConnectionState.QR, ConnectionState.CONNECTING}


class PostgresIntegrations:
    """The numbers we serve, in one transaction."""

    def __init__(self, connection: Connection, *, seal: Seal) -> None:
        self._connection = connection
        self._seal = seal

    async def by_webhook(
        self, ids: Sequence[IntegrationId], instances: Sequence[str]
    ) -> tuple[dict[IntegrationId, Integration], dict[str, Integration]]:
        """Find integrations by id and by instance name."""
        rows = await self._connection.execute(
            _BY_WEBHOOK, {"ids": list(set(ids)), "instances": list(set(instances))}
        )
        found = [read_integration(row) for row in rows]
        return {i.id: i for i in found}, {i.instance: i for i in found}

    async def get(self, integration_id: IntegrationId) -> Integration | None:
        """Find one by id."""
        return await self._one(_GET, {"id": integration_id})

    async def of_agent(self, agent_id: str, channel: str) -> Integration | None:
        """Find the number an agent is bound to."""
        return await self._one(_OF_AGENT, {"agent": agent_id, "channel": channel})

    async def all(self, *, after: Place, limit: int) -> list[Integration]:
        """List what this transaction may see from a place on, those that changed last first."""
        page = {"limit": limit, **after._asdict()}
        rows = await self._connection.execute(_ALL, page)
        return [read_integration(row) for row in rows]

    async def begin(
        self, integration: Integration, *, channel: str, until: datetime
    ) -> Integration | None:
        """Reserve the binding; None while it is made or removed, or when it is made and alive."""
        return await self._one(
            _BEGIN,
            {
                "id": integration.id,
                "tenant": integration.tenant,
                "agent": integration.agent_id,
                "channel": channel,
                "instance": integration.instance,
                "state": integration.state,
                "until": until,
                "name": integration.name,
                "transport": integration.account.transport,
                "number": integration.account.number,
                "business": integration.account.business_id,
                "ended": sorted(ENDED),
            },
        )

    async def created(self, integration: Integration, *, token: str) -> bool:
        """Note that the provider has the instance; its token is kept sealed.

        False when the number was deleted while it was made.
        """
        values = {"id": integration.id, "token": self._seal(token, integration)}
        return await self._connection.change(_CREATED, values) == 1

    async def remove(self, integration_id: IntegrationId) -> None:
        """Forget an integration whose making failed; one that was made before stays."""
        await self._connection.execute(_REMOVE, {"id": integration_id})
        await self._connection.execute(_RELEASE, {"id": integration_id})

    async def hear(
        self, integration_id: IntegrationId, state: ConnectionState, told_at: datetime
    ) -> bool:
        """Note when a state was told; False when we have heard something newer."""
        heard = {"id": integration_id, "state": state, "told": told_at}
        return await self._connection.change(_HEAR, heard) == 1

    async def change_state(
        self, integration_id: IntegrationId, change: ConnectionChanged, *, ordered: bool = False
    ) -> ConnectionState | None:
        """Move to a state; returns the one before, or None when nothing changed.

        What is `ordered` by an operator is done; what the provider tells may come too late.
        Neither revives a number that was deleted.
        """
        row = await self._connection.execute(
            _CHANGE,
            {
                "id": integration_id,
                "state": change.state,
                "reason": change.reason,
                "phone": change.phone,
                "name": change.profile_name,
                "keeps_qr": change.state in _KEEPS_QR,
                "ordered": ordered,
            },
        )
        before = row.scalar()
        return None if before is None else ConnectionState(before)

    async def show_qr(self, integration_id: IntegrationId, qr: Qr) -> bool:
        """Keep the newest code to be scanned; False when the number is open, or deleted."""
        shown = await self._connection.execute(
            _SHOW_QR,
            {
                "id": integration_id,
                "image": qr.image,
                "code": qr.code,
                "pairing": qr.pairing_code,
            },
        )
        return shown.first() is not None

    async def _one(self, statement: Any, values: dict[str, Any]) -> Integration | None:
        row = (await self._connection.execute(statement, values)).first()
        return None if row is None else read_integration(row)


def read_integration(row: Any) -> Integration:
    """Read a row of `COLUMNS`."""
    return Integration(
        id=IntegrationId(row["id"]),
        tenant=TenantId(row["tenant_id"]),
        agent_id=AgentId(row["agent_id"]),
        instance=row["instance"],
        state=ConnectionState(row["state"]),
        generation=row["generation"],
        updated_at=row["updated_at"],
        created=row["created"],
        reason=row["reason"],
        phone=row["phone"],
        profile_name=row["profile_name"],
        qr_image=row["qr_image"],
        qr_code=row["qr_code"],
        pairing_code=row["pairing_code"],
        qr_at=row["qr_at"],
        name=row["name"],
        account=Account(Transport(row["transport"]), row["account_number"], row["business_id"]),
        previous_until=row["previous_until"],
        deleting=row["deleting"],
    )
