"""Agents and conversations over HTTP."""

from dataclasses import asdict
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)

from agent_service.domain.model import Agent, AgentSettings
from agent_service.domain.ports import OpenForTenant
from agent_service.domain.usecases import agents as usecases
from agent_service.domain.usecases.agents import Draft
from common.auth import Principal
from common.contracts import AgentId, ConversationId, TenantId, new_id
from common.errors import InvalidInput, NotFound
from common.service import principal

router = APIRouter(prefix="/api")

Reader = Annotated[Principal, Depends(principal("agents:read"))]
Writer = Annotated[Principal, Depends(principal("agents:write"))]
ConversationReader = Annotated[Principal, Depends(principal("conversations:read"))]
Limit = Annotated[int, Query(ge=1, le=200)]
_LONGEST_KEY = 500


def _storable(text: str) -> str:
    if "\0" in text or text.encode(errors="ignore").decode() != text:
        raise ValueError("must not contain U+0000 or half a surrogate pair")
    return text


def _fits_a_header(key: SecretStr) -> SecretStr:
    plain = key.get_secret_value()
    if len(plain) > _LONGEST_KEY or not (plain.isascii() and plain.isprintable()):
        raise ValueError(f"must be at most {_LONGEST_KEY} printable ASCII characters")
    return key


Words = Annotated[str, AfterValidator(_storable)]
"""Text as Postgres can hold it."""
ApiKey = Annotated[SecretStr, AfterValidator(_fits_a_header)]

_DEFAULTS = AgentSettings()


class SettingsBody(BaseModel):
    """How an agent behaves; what is left out keeps its default."""

    model_config = ConfigDict(extra="forbid")

    instructions: Words = Field(_DEFAULTS.instructions, min_length=1, max_length=20_000)
    model: Words | None = Field(None, max_length=200)
    base_url: Words | None = Field(None, max_length=500)
    temperature: float | None = Field(None, ge=0, le=2)
    max_output_tokens: int = Field(_DEFAULTS.max_output_tokens, ge=16, le=32_000)
    quiet_seconds: float = Field(_DEFAULTS.quiet_seconds, ge=0, le=60)
    deadline_seconds: float = Field(_DEFAULTS.deadline_seconds, ge=0, le=300)
    typing_ms_per_char: int = Field(_DEFAULTS.typing_ms_per_char, ge=0, le=500)
    split_messages: bool = _DEFAULTS.split_messages
    answer_groups: bool = _DEFAULTS.answer_groups
    history_messages: int = Field(_DEFAULTS.history_messages, ge=1, le=200)
    fallback_text: Words = Field(_DEFAULTS.fallback_text, min_length=1, max_length=2000)
    requests_per_minute: int = Field(_DEFAULTS.requests_per_minute, ge=1, le=100_000)

    def to_settings(self) -> AgentSettings:
        """Give the domain's value."""
        return AgentSettings(**self.model_dump())


class AgentBody(BaseModel):
    """A new agent."""

    model_config = ConfigDict(extra="forbid")

    name: Words = Field(min_length=1, max_length=200)
    settings: SettingsBody = SettingsBody()
    api_key: ApiKey | None = None
    """The tenant's own key at the model server; kept sealed, never shown again."""


class AgentPatch(BaseModel):
    """What changes about an agent; `settings` replaces only the fields it names."""

    model_config = ConfigDict(extra="forbid")

    name: Words | None = Field(None, min_length=1, max_length=200)
    settings: dict[str, Any] | None = None
    api_key: ApiKey | None = None


class AgentView(BaseModel):
    """An agent as its tenant sees it."""

    id: str
    name: str
    settings: SettingsBody
    has_own_key: bool
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
            created_at=agent.created_at,
            updated_at=agent.updated_at,
        )


def _opener(request: Request) -> OpenForTenant:
    opener: OpenForTenant = request.app.state.open_for
    return opener


Opens = Annotated[OpenForTenant, Depends(_opener)]


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


@router.post("/agents", status_code=201)
async def create_agent(
    body: AgentBody, caller: Writer, open_for: Opens, request: Request
) -> AgentView:
    """Create an agent."""
    tenant = TenantId(caller.tenant_id)
    _check_address(request, body.settings)
    draft = Draft(body.name, body.settings.to_settings(), _sealed(request, tenant, body.api_key))
    async with open_for(tenant) as context:
        made = await usecases.create(context, tenant, draft, lambda: AgentId(new_id("agt")))
    return AgentView.of(made)


@router.get("/agents")
async def list_agents(caller: Reader, open_for: Opens, limit: Limit = 50) -> list[AgentView]:
    """List the tenant's agents, the newest first."""
    async with open_for(TenantId(caller.tenant_id)) as context:
        return [AgentView.of(agent) for agent in await context.agents.every(limit=limit)]


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
        agent = await usecases.find(context, AgentId(agent_id))
        settings = None
        if body.settings is not None:
            merged = _merged(agent.settings, body.settings)
            _check_address(request, merged)
            settings = merged.to_settings()
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


class ConversationView(BaseModel):
    """A conversation in a list."""

    id: str
    agent_id: str
    integration_id: str
    chat_id: str
    state: str


class LineView(BaseModel):
    """One line of a conversation."""

    seq: int
    role: str
    text: str
    at: AwareDatetime
    message_id: str | None


class ConversationDetail(ConversationView):
    """A conversation with its newest lines."""

    lines: list[LineView]


@router.get("/conversations")
async def list_conversations(
    caller: ConversationReader, open_for: Opens, limit: Limit = 50
) -> list[ConversationView]:
    """List the tenant's conversations, the most recent first."""
    async with open_for(TenantId(caller.tenant_id)) as context:
        found = await context.conversations.every(limit=limit)
    return [ConversationView(**_plain(one)) for one in found]


@router.get("/conversations/{conversation_id}")
async def show_conversation(
    conversation_id: Words, caller: ConversationReader, open_for: Opens, limit: Limit = 50
) -> ConversationDetail:
    """Show one conversation and its newest lines."""
    async with open_for(TenantId(caller.tenant_id)) as context:
        found = await context.conversations.get(ConversationId(conversation_id))
        if found is None:
            raise NotFound(f"no conversation {conversation_id}")
        lines = await context.conversations.lines(found.id, limit=limit)
    return ConversationDetail(
        **_plain(found), lines=[LineView(**asdict(line)) for line in reversed(lines)]
    )


def _plain(conversation: Any) -> dict[str, str]:
    return {name: getattr(conversation, name) for name in ConversationView.model_fields}
