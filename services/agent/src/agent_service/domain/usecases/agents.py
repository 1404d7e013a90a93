"""Create, read, change and delete agents."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from agent_service.domain.model import Agent, AgentSettings
from agent_service.domain.ports import Context
from common.contracts import AgentId, TenantId
from common.errors import Conflict, NotFound


@dataclass(frozen=True, slots=True)
class Draft:
    """What a caller says about an agent; None leaves a thing as it is."""

    name: str | None = None
    settings: AgentSettings | None = None
    sealed_api_key: str | None = None
    forget_api_key: bool = False


async def create(
    context: Context, tenant: TenantId, draft: Draft, new_id: Callable[[], AgentId]
) -> Agent:
    """Make an agent."""
    now = context.now()
    agent = Agent(
        id=new_id(),
        tenant=tenant,
        name=draft.name or "Agent",
        settings=draft.settings or AgentSettings(),
        created_at=now,
        updated_at=now,
        sealed_api_key=draft.sealed_api_key,
    )
    await context.agents.add(agent)
    return agent


async def find(context: Context, agent_id: AgentId, *, to_change: bool = False) -> Agent:
    """Read one; what is read `to_change` stands still until the transaction ends.

    Raises:
        NotFound: the tenant has no such agent.
    """
    agent = await context.agents.get(agent_id, to_change=to_change)
    if agent is None:
        raise NotFound(f"no agent {agent_id}")
    return agent


async def change(context: Context, agent_id: AgentId, draft: Draft) -> Agent:
    """Change what the draft names.

    Raises:
        NotFound: the tenant has no such agent.
    """
    agent = await find(context, agent_id, to_change=True)
    key = None if draft.forget_api_key else draft.sealed_api_key or agent.sealed_api_key
    changed = replace(
        agent,
        name=draft.name or agent.name,
        settings=draft.settings or agent.settings,
        sealed_api_key=key,
        updated_at=context.now(),
        refused_until=None,
        refused_because="",
    )
    await context.agents.save(changed)
    return changed


async def delete(context: Context, agent_id: AgentId) -> None:
    """Delete an agent; its number stays connected and is no longer answered.

    Raises:
        NotFound: the tenant has no such agent.
        Conflict: another agent falls back to it, and would fall silent.
    """
    other = await context.agents.falls_back_to(agent_id)
    if other is not None:
        raise Conflict(
            f"{other!r} falls back to this agent.",
            hint="Set that agent's fallback_agent_id to null, or to another, first.",
        )
    if not await context.agents.delete(agent_id, context.now()):
        raise NotFound(f"no agent {agent_id}")
