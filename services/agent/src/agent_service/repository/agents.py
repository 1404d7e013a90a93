"""Statements about agents."""

from collections.abc import Collection
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

import orjson

from agent_service.domain.model import Agent, AgentSettings, Allowance, Caps, Limits
from agent_service.domain.model.limits import NO_LIMITS
from agent_service.domain.model.triggers import Trigger, TriggerKind, TriggerOperator
from common.contracts import AgentId, TenantId
from common.db import Connection, Sql
from common.places import TOP, Place

COLUMNS = """
    id, tenant_id, name, settings, sealed_api_key, created_at, updated_at, refused_until,
    refused_because"""

_ADD = Sql("""
    insert into agent (id, tenant_id, name, settings, sealed_api_key, created_at, updated_at)
    values (:id, :tenant, :name, cast(:settings as jsonb), :key, :created, :updated)""")
_GET = Sql(f"select {COLUMNS} from agent where id = :id and deleted_at is null")
_GET_TO_CHANGE = Sql(f"""
    select {COLUMNS} from agent where id = :id and deleted_at is null for update""")
_EVERY = Sql(f"""
    select {COLUMNS} from agent
    where deleted_at is null
      and (created_at, id) < (cast(:at as timestamptz), cast(:id as text))
    order by created_at desc, id desc limit :limit""")
_SAVE = Sql("""
    update agent set
        name = :name, settings = cast(:settings as jsonb), sealed_api_key = :key,
        updated_at = :updated, refused_until = null, refused_because = null
    where id = :id and deleted_at is null""")
_DELETE = Sql("update agent set deleted_at = :at where id = :id and deleted_at is null")
_FALLS_BACK = Sql("""
    select name from agent
    where deleted_at is null and settings ->> 'fallback_agent_id' = :id order by name limit 1""")
_REFUSE = Sql("""
    with sharing as (
        select id from agent
        where tenant_id = :tenant and deleted_at is null
          and sealed_api_key is not distinct from cast(:key as text)
          and settings ->> 'base_url' is not distinct from cast(:url as text)
          and (refused_until is null or refused_until < now())
        order by id for update)
    update agent a set refused_until = :until, refused_because = :because
    from sharing where a.id = sharing.id""")
_SETTINGS = Sql("""
    select id, settings from agent
    where id = any(cast(:ids as text[])) and deleted_at is null""")
_FIELDS = {field.name for field in fields(AgentSettings)}
_GROUPS = {"limits": Limits, "contact_limits": Limits, "caps": Caps}


class PostgresAgents:
    """Agents, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, agent: Agent) -> None:
        """Keep a new agent."""
        await self._connection.execute(
            _ADD, {**_values(agent), "tenant": agent.tenant, "created": agent.created_at}
        )

    async def get(self, agent_id: AgentId, *, to_change: bool = False) -> Agent | None:
        """Find one that was not deleted; `to_change`: nobody else does before this is over."""
        statement = _GET_TO_CHANGE if to_change else _GET
        row = (await self._connection.execute(statement, {"id": agent_id})).first()
        return None if row is None else agent_of(row)

    async def every(self, *, limit: int, after: Place = TOP) -> list[Agent]:
        """List them from a place on, the newest first."""
        page = {"limit": limit, **after._asdict()}
        rows = await self._connection.execute(_EVERY, page)
        return [agent_of(row) for row in rows]

    async def save(self, agent: Agent) -> None:
        """Write a changed agent."""
        await self._connection.execute(_SAVE, _values(agent))

    async def delete(self, agent_id: AgentId, at: datetime) -> bool:
        """Delete one; False when there is none."""
        return await self._connection.change(_DELETE, {"id": agent_id, "at": at}) == 1

    async def falls_back_to(self, agent_id: AgentId) -> str | None:
        """Name an agent whose fallback this is; None when it is nobody's."""
        name: str | None = (await self._connection.execute(_FALLS_BACK, {"id": agent_id})).scalar()
        return name

    async def refuse_account(self, agent: Agent, until: datetime, because: str) -> bool:
        """Leave an agent's model account alone, with all agents that share it."""
        values = {
            "tenant": agent.tenant,
            "key": agent.sealed_api_key,
            "url": agent.settings.base_url,
            "until": until,
            "because": because,
        }
        return await self._connection.change(_REFUSE, values) > 0

    async def settings_of(self, ids: Collection[AgentId]) -> dict[AgentId, AgentSettings]:
        """Read how agents behave, of those that exist."""
        rows = await self._connection.execute(_SETTINGS, {"ids": sorted(ids)})
        return {AgentId(row[0]): settings_of(row[1]) for row in rows}


def _values(agent: Agent) -> dict[str, Any]:
    return {
        "id": agent.id,
        "name": agent.name,
        "settings": orjson.dumps(_stored(agent.settings)).decode(),
        "key": agent.sealed_api_key,
        "updated": agent.updated_at,
    }


def _stored(settings: AgentSettings) -> dict[str, Any]:
    """Write settings; what is None is so by default, and need not be said."""
    return {name: value for name, value in asdict(settings).items() if value is not None}


def agent_of(row: Any) -> Agent:
    """Read an agent's row."""
    return Agent(
        id=AgentId(row["id"]),
        tenant=TenantId(row["tenant_id"]),
        name=row["name"],
        settings=settings_of(row["settings"]),
        created_at=_at(row["created_at"]),
        updated_at=_at(row["updated_at"]),
        sealed_api_key=row["sealed_api_key"],
        refused_until=_at(row["refused_until"]),
        refused_because=row["refused_because"] or "",
    )


def settings_of(stored: Any) -> AgentSettings:
    """Read settings, whichever version of this service wrote them."""
    values = orjson.loads(stored) if isinstance(stored, str) else stored
    known = {name: _typed(name, value) for name, value in values.items() if name in _FIELDS}
    return AgentSettings(**known)


def allowance_of(row: Any) -> Allowance:
    """Read what a tenant may use, out of its row; None for none."""
    if row is None:
        return NO_LIMITS
    ceiling = row["ceiling"]
    return Allowance(
        _group(Limits, row["limits"]),
        None if ceiling is None else _group(Limits, ceiling),
        _at(row["updated_at"]),
    )


def _at(stored: Any) -> Any:
    """Read a time, also out of JSON."""
    return datetime.fromisoformat(stored) if isinstance(stored, str) else stored


def _typed(name: str, value: Any) -> Any:
    if name in _GROUPS:
        return _group(_GROUPS[name], value)
    if name == "trigger":
        kind, operator = TriggerKind(value["kind"]), TriggerOperator(value["operator"])
        return Trigger(kind, operator, value["value"])
    return tuple(value) if isinstance(value, list) else value


def _group(kind: Any, stored: dict[str, Any]) -> Any:
    names = {field.name for field in fields(kind)}
    return kind(**{name: value for name, value in stored.items() if name in names})
