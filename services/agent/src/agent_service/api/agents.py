"""Agents over HTTP."""

from dataclasses import asdict
from typing import Any, Self

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import AwareDatetime, BaseModel, ConfigDict, SecretStr, ValidationError

from agent_service.api.doors import ApiKey, Limit, Name, Opens, Page, Reader, Words, Writer
from agent_service.api.settings_body import SettingsBody
from agent_service.domain.model import Agent, AgentSettings
from agent_service.domain.model.sensible import sensible
from agent_service.domain.ports import Context
from agent_service.domain.usecases import agents as usecases
from agent_service.domain.usecases.agents import Draft
from common.contracts import AgentId, TenantId, new_id
from common.errors import InvalidInput
from common.places import TOP, Place
from common.service import PAGED

router = APIRouter()


class AgentBody(BaseModel):
    """A new agent."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    settings: SettingsBody = SettingsBody()
    api_key: ApiKey | None = None
    """The tenant's own key at the model server; kept sealed, never shown again."""


class AgentPatch(BaseModel):
    """What changes about an agent; `settings` replaces only the fields it names."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    settings: dict[str, Any] | None = None
    api_key: ApiKey | None = None


class AgentView(BaseModel):
    """An agent as its tenant sees it."""

    id: str
    name: str
    settings: SettingsBody
    has_own_key: bool
    refused_until: AwareDatetime | None
    """Until when its model account is left alone, as it has refused; a change ends it."""
    refused_because: str
    created_at: AwareDatetime
    updated_at: AwareDatetime

    @classmethod
    def of(cls, agent: Agent) -> Self:
        """Show an agent, without its secrets."""
        return cls(
            id=agent.id,
            name=agent.name,
            settings=SettingsBody.model_validate(asdict(agent.settings)),
            has_own_key=agent.sealed_api_key is not None,
            refused_until=agent.refused_until,
            refused_because=agent.refused_because,
            created_at=agent.created_at,
            updated_at=agent.updated_at,
        )


def _sealed(request: Request, tenant: str, key: SecretStr | None) -> str | None:
    if key is None or not key.get_secret_value():
        return None
    sealed: str = request.app.state.seal(key.get_secret_value(), tenant)
    return sealed


def _check_address(request: Request, settings: SettingsBody) -> None:
    try:
        request.app.state.check_model_address(settings.base_url)
    except InvalidInput as refused:
        raise InvalidInput(f"settings.base_url: {refused}", hint=refused.hint) from None


def _merged(present: AgentSettings, changes: dict[str, Any]) -> SettingsBody:
    """Lay the named fields over the present ones; what does not fit is the caller's mistake."""
    try:
        return SettingsBody.model_validate({**asdict(present), **changes})
    except ValidationError as error:
        raise RequestValidationError(
            [{**one, "loc": ("body", "settings", *one["loc"])} for one in error.errors()]
        ) from None


async def _sensible(
    context: Context,
    request: Request,
    tenant: TenantId,
    body: SettingsBody,
    present: Agent | None = None,
) -> AgentSettings:
    """Read settings, and refuse what can never work: its silence would be hard to explain.

    A tool that was deleted meanwhile is no reason to refuse another change.
    """
    _check_address(request, body)
    try:
        settings = sensible(body.to_settings())
    except ValueError as refused:
        raise InvalidInput(f"settings.{refused}") from None
    if settings.tools:
        own = {tool.name for tool in await context.http_tools.named(tenant, settings.tools)}
        known = own.union(
            request.app.state.built_in_tools, present.settings.tools if present else ()
        )
        unknown = sorted(set(settings.tools) - known)
        if unknown:
            ours = ", ".join(sorted(request.app.state.built_in_tools))
            raise InvalidInput(
                f"settings.tools: there is no tool {unknown[0]!r}",
                hint=f"Ours are {ours}; yours are at /api/tools.",
            )
    own_id = None if present is None else present.id
    await _check_fallback(context, settings.fallback_agent_id, own_id)
    return settings


async def _check_fallback(context: Context, name: str | None, own_id: AgentId | None) -> None:
    if name is None:
        return
    if name == own_id:
        raise InvalidInput("settings.fallback_agent_id: an agent cannot stand in for itself")
    if await context.agents.get(AgentId(name)) is None:
        raise InvalidInput(f"settings.fallback_agent_id: there is no agent {name!r}")


@router.post("/agents", status_code=201)
async def create_agent(
    body: AgentBody, caller: Writer, open_for: Opens, request: Request
) -> AgentView:
    """Create an agent."""
    tenant = TenantId(caller.tenant_id)
    async with open_for(tenant) as context:
        settings = await _sensible(context, request, tenant, body.settings)
        draft = Draft(body.name, settings, _sealed(request, tenant, body.api_key))
        made = await usecases.create(context, tenant, draft, lambda: AgentId(new_id("agt")))
    return AgentView.of(made)


@router.get("/agents", responses=PAGED)
async def list_agents(
    caller: Reader, open_for: Opens, page: Page, limit: Limit = 50
) -> list[AgentView]:
    """List the tenant's agents, the newest first, page by page."""
    after = page.after(TOP)
    async with open_for(TenantId(caller.tenant_id)) as context:
        found = await context.agents.every(limit=limit + 1, after=after)
    shown = page.cut(found, limit, lambda agent: Place(agent.created_at, agent.id))
    return [AgentView.of(agent) for agent in shown]


@router.get("/agents/{agent_id}")
async def show_agent(agent_id: Words, caller: Reader, open_for: Opens) -> AgentView:
    """Show one agent."""
    async with open_for(TenantId(caller.tenant_id)) as context:
        return AgentView.of(await usecases.find(context, AgentId(agent_id)))


@router.patch("/agents/{agent_id}")
async def change_agent(
    agent_id: Words, body: AgentPatch, caller: Writer, open_for: Opens, request: Request
) -> AgentView:
    """Change what the body names; an empty `api_key` forgets the tenant's own key."""
    tenant = TenantId(caller.tenant_id)
    async with open_for(tenant) as context:
        agent = await usecases.find(context, AgentId(agent_id), to_change=True)
        settings = None
        if body.settings is not None:
            merged = _merged(agent.settings, body.settings)
            settings = await _sensible(context, request, tenant, merged, agent)
        key = _sealed(request, tenant, body.api_key)
        forget = body.api_key is not None and key is None
        changed = await usecases.change(
            context, agent.id, Draft(body.name, settings, key, forget_api_key=forget)
        )
    return AgentView.of(changed)


@router.delete("/agents/{agent_id}", status_code=204)
async def delete_agent(agent_id: Words, caller: Writer, open_for: Opens) -> Response:
    """Delete an agent; its number stays connected and is no longer answered."""
    async with open_for(TenantId(caller.tenant_id)) as context:
        await usecases.delete(context, AgentId(agent_id))
    return Response(status_code=204)
