"""Statements about a tenant's files and the tools it defined."""

from collections.abc import Collection
from typing import Any

from agent_service.domain.model import Effect, HttpTool, MediaItem
from agent_service.domain.ports import FIRST, NamePlace
from agent_service.repository.rows import as_json
from common.contracts import TenantId
from common.db import Connection, Sql
from common.errors import Conflict

_ITEM = "id, tenant_id, name, kind, mimetype, size, reference, created_at"
_ADD_ITEM = Sql(f"""
    insert into media_library ({_ITEM})
    values (:id, :tenant, :name, :kind, :mimetype, :size, :reference, :created)
    on conflict (tenant_id, name) do update set
        kind = excluded.kind, mimetype = excluded.mimetype, size = excluded.size,
        reference = excluded.reference
    returning {_ITEM}""")
_NAMED_ITEM = Sql(f"""
    select {_ITEM} from media_library where tenant_id = :tenant and lower(name) = lower(:name)""")
_ITEMS = Sql(f"""
    select {_ITEM} from media_library where tenant_id = :tenant and name > :name
    order by name limit :limit""")
_DELETE_ITEM = Sql("delete from media_library where id = :id")


class PostgresLibrary:
    """A tenant's files, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, item: MediaItem) -> MediaItem:
        """Keep one, in the place of an older one of its name; gives it as it is kept."""
        row = await self._connection.execute(
            _ADD_ITEM,
            {
                "id": item.id,
                "tenant": item.tenant,
                "name": item.name,
                "kind": item.kind,
                "mimetype": item.mimetype,
                "size": item.size,
                "reference": item.reference,
                "created": item.created_at,
            },
        )
        return _item(row.one())

    async def named(self, tenant: TenantId, name: str) -> MediaItem | None:
        """Find one."""
        values = {"tenant": tenant, "name": name}
        row = (await self._connection.execute(_NAMED_ITEM, values)).first()
        return None if row is None else _item(row)

    async def every(
        self, tenant: TenantId, *, limit: int, after: NamePlace = FIRST
    ) -> list[MediaItem]:
        """List them from a place on, by name."""
        page = {"tenant": tenant, "limit": limit, **after._asdict()}
        rows = await self._connection.execute(_ITEMS, page)
        return [_item(row) for row in rows]

    async def delete(self, item_id: str) -> bool:
        """Forget one; False when there is none."""
        return await self._connection.change(_DELETE_ITEM, {"id": item_id}) == 1


def _item(row: Any) -> MediaItem:
    return MediaItem(
        id=row["id"],
        tenant=TenantId(row["tenant_id"]),
        name=row["name"],
        kind=row["kind"],
        mimetype=row["mimetype"],
        size=row["size"],
        reference=row["reference"],
        created_at=row["created_at"],
    )


_TOOL = "id, tenant_id, name, definition, sealed_secret, created_at"
_ADD_TOOL = Sql(f"""
    insert into http_tool ({_TOOL})
    values (:id, :tenant, :name, cast(:definition as jsonb), :secret, :created)
    on conflict (tenant_id, name) do nothing""")
_GET_TOOL = Sql(f"select {_TOOL} from http_tool where id = :id")
_GET_TOOL_TO_CHANGE = Sql(f"select {_TOOL} from http_tool where id = :id for update")
_NAMED_TOOLS = Sql(f"""
    select {_TOOL} from http_tool
    where tenant_id = :tenant and name = any(cast(:names as text[])) order by name""")
_TOOLS = Sql(f"select {_TOOL} from http_tool where name > :name order by name limit :limit")
_SAVE_TOOL = Sql("""
    update http_tool set
        name = :name, definition = cast(:definition as jsonb), sealed_secret = :secret
    where id = :id and not exists (
        select 1 from http_tool o
        where o.tenant_id = :tenant and o.name = :name and o.id <> :id)""")
_DELETE_TOOL = Sql("delete from http_tool where id = :id")
_DEFINITION = (
    "description", "method", "url", "parameters", "effect", "secret_header", "timeout_seconds",
    "max_bytes", "lookup_url", "repeatable",
)  # fmt: skip


class PostgresHttpTools:
    """Tools of tenants' own, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, tool: HttpTool) -> None:
        """Keep a new one."""
        if await self._connection.change(_ADD_TOOL, _tool_values(tool)) == 0:
            raise Conflict(f"There is a tool {tool.name!r} already.")

    async def get(self, tool_id: str, *, to_change: bool = False) -> HttpTool | None:
        """Find one; `to_change`: nobody else does before this is over."""
        statement = _GET_TOOL_TO_CHANGE if to_change else _GET_TOOL
        row = (await self._connection.execute(statement, {"id": tool_id})).first()
        return None if row is None else _tool(row)

    async def named(self, tenant: TenantId, names: Collection[str]) -> list[HttpTool]:
        """Find those with these names."""
        values = {"tenant": tenant, "names": sorted(names)}
        return [_tool(row) for row in await self._connection.execute(_NAMED_TOOLS, values)]

    async def every(self, *, limit: int, after: NamePlace = FIRST) -> list[HttpTool]:
        """List them from a place on, by name."""
        page = {"limit": limit, **after._asdict()}
        return [_tool(row) for row in await self._connection.execute(_TOOLS, page)]

    async def save(self, tool: HttpTool) -> None:
        """Write a changed one."""
        if await self._connection.change(_SAVE_TOOL, _tool_values(tool)) == 0:
            raise Conflict(f"There is a tool {tool.name!r} already.")

    async def delete(self, tool_id: str) -> bool:
        """Forget one; False when there is none."""
        return await self._connection.change(_DELETE_TOOL, {"id": tool_id}) == 1


def _tool_values(tool: HttpTool) -> dict[str, Any]:
    return {
        "id": tool.id,
        "tenant": tool.tenant,
        "name": tool.name,
        "definition": as_json({name: getattr(tool, name) for name in _DEFINITION}),
        "secret": tool.sealed_secret,
        "created": tool.created_at,
    }


def _tool(row: Any) -> HttpTool:
    stored = {name: value for name, value in row["definition"].items() if name in _DEFINITION}
    return HttpTool(
        id=row["id"],
        tenant=TenantId(row["tenant_id"]),
        name=row["name"],
        created_at=row["created_at"],
        sealed_secret=row["sealed_secret"],
        **{**stored, "effect": Effect(stored["effect"])},
    )
