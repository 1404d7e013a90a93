"""A tenant's own tools over HTTP."""

import re
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from agent_service.api.doors import ApiKey, Limit, Opens, Page, Reader, Words, Writer
from agent_service.api.settings_body import ToolName
from agent_service.domain.model import Effect, HttpTool
from agent_service.domain.model.schemas import loose_ends
from agent_service.domain.ports import FIRST, NamePlace
from common.contracts import TenantId, new_id, utc_now
from common.errors import Conflict, InvalidInput, NotFound
from common.service import PAGED

router = APIRouter()
_HOLE = re.compile(r"\{(\w*)\}")
_ORIGIN = re.compile(r"https?://[^/?#{}]+(?=[/?#]|$)", re.IGNORECASE)
_HEADER = r"^[A-Za-z][A-Za-z0-9-]{0,60}$"
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "idempotency-key"})

Url = Annotated[Words, Field(max_length=1000)]


class ToolBody(BaseModel):
    """A tool: one call to one address.

    `url` may hold `{argument}` after its host; what is left of the arguments goes as JSON, or as
    query parameters with GET and DELETE. Each call carries an `Idempotency-Key`.
    """

    model_config = ConfigDict(extra="forbid")

    name: ToolName
    description: Words = Field(min_length=1, max_length=1000)
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    url: Url
    parameters: dict[str, Any] = Field(default_factory=dict)
    """A strict JSON Schema of the arguments; empty for none."""
    effect: Literal["read", "write", "irreversible"]
    """`irreversible` asks the customer to confirm."""
    secret_header: str | None = Field(None, pattern=_HEADER)
    secret: ApiKey | None = None
    """Sent in `secret_header`; kept sealed, never shown again. Left out in a change, it stays."""
    timeout_seconds: float = Field(10.0, gt=0, le=30)
    max_bytes: int = Field(65_536, ge=1, le=1_048_576)
    lookup_url: Url | None = None
    """Asked what became of a call: holds `{key}`; answers 2xx when done, 404 when it never came."""
    repeatable: bool = False
    """Whether the other side honours Idempotency-Key, so that a call may be made again."""

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        self.parameters = self.parameters or {
            "type": "object", "properties": {}, "required": [], "additionalProperties": False,
        }  # fmt: skip
        for end in loose_ends(self.parameters, "parameters"):
            raise ValueError(end)
        known = set(self.parameters["properties"])
        for url, holes in ((self.url, known), (self.lookup_url or "", {"key"})):
            unknown = set(_HOLE.findall(url)) - holes
            if unknown:
                raise ValueError(f"{{{unknown.pop()}}} in the address is no argument")
            if url and not _ORIGIN.match(url):
                raise ValueError("the address must begin with http(s):// and a fixed host")
        if self.lookup_url is not None and "{key}" not in self.lookup_url:
            raise ValueError("lookup_url must hold {key}")
        if (self.secret_header or "").lower() in _OURS:
            raise ValueError(f"secret_header must not be {self.secret_header}")
        return self


class ToolView(BaseModel):
    """A tool as its tenant sees it."""

    id: str
    name: str
    description: str
    method: str
    url: str
    parameters: dict[str, Any]
    effect: str
    secret_header: str | None
    has_secret: bool
    timeout_seconds: float
    max_bytes: int
    lookup_url: str | None
    repeatable: bool
    created_at: AwareDatetime

    @classmethod
    def of(cls, tool: HttpTool) -> Self:
        """Show a tool, without its secret."""
        shown = {name: getattr(tool, name) for name in cls.model_fields if name != "has_secret"}
        return cls(**shown, has_secret=tool.sealed_secret is not None)


def _made(body: ToolBody, request: Request, tenant: TenantId) -> HttpTool:
    state = request.app.state
    if body.name in state.built_in_tools:
        raise Conflict(f"{body.name} is a tool of ours; choose another name.")
    for field in ("url", "lookup_url"):
        try:
            state.check_tool_address(getattr(body, field))
        except InvalidInput as refused:
            raise InvalidInput(f"{field}: {refused}", hint=refused.hint) from None
    plain = body.model_dump(exclude={"secret", "effect"})
    return HttpTool(
        id=new_id("tol"),
        tenant=tenant,
        created_at=utc_now(),
        effect=Effect(body.effect),
        sealed_secret=_sealed(request, tenant, body.secret),
        **plain,
    )


def _sealed(request: Request, tenant: TenantId, secret: SecretStr | None) -> str | None:
    plain = secret.get_secret_value() if secret is not None else ""
    sealed: str | None = request.app.state.seal_tool_secret(plain, tenant) if plain else None
    return sealed


@router.post("/tools", status_code=201)
async def create_tool(
    body: ToolBody, caller: Writer, open_for: Opens, request: Request
) -> ToolView:
    """Define a tool; agents use it once their `tools` name it."""
    tenant = TenantId(caller.tenant_id)
    tool = _made(body, request, tenant)
    async with open_for(tenant) as context:
        await context.http_tools.add(tool)
    return ToolView.of(tool)


@router.get("/tools", responses=PAGED)
async def list_tools(
    caller: Reader, open_for: Opens, page: Page, limit: Limit = 100
) -> list[ToolView]:
    """List the tenant's own tools by name, page by page."""
    after = page.after(FIRST)
    async with open_for(TenantId(caller.tenant_id)) as context:
        found = await context.http_tools.every(limit=limit + 1, after=after)
    shown = page.cut(found, limit, lambda tool: NamePlace(tool.name))
    return [ToolView.of(tool) for tool in shown]


@router.get("/tools/{tool_id}")
async def show_tool(tool_id: Words, caller: Reader, open_for: Opens) -> ToolView:
    """Show one tool."""
    async with open_for(TenantId(caller.tenant_id)) as context:
        return ToolView.of(_found(await context.http_tools.get(tool_id), tool_id))


@router.patch("/tools/{tool_id}")
async def change_tool(
    tool_id: Words, changes: dict[str, Any], caller: Writer, open_for: Opens, request: Request
) -> ToolView:
    """Change what the body names, as in `POST /tools`; an empty `secret` forgets it."""
    tenant = TenantId(caller.tenant_id)
    async with open_for(tenant) as context:
        present = _found(await context.http_tools.get(tool_id, to_change=True), tool_id)
        body = _merged(present, changes)
        made = _made(body, request, tenant)
        secret = present.sealed_secret if body.secret is None else made.sealed_secret
        # A secret was given for one host; it goes to no other on somebody's second thought.
        if body.secret is None and _origin(present.url) != _origin(made.url):
            secret = None
        tool = replace(made, id=present.id, created_at=present.created_at, sealed_secret=secret)
        await context.http_tools.save(tool)
    return ToolView.of(tool)


@router.delete("/tools/{tool_id}", status_code=204)
async def delete_tool(tool_id: Words, caller: Writer, open_for: Opens) -> Response:
    """Delete a tool; agents that name it are no longer offered it."""
    async with open_for(TenantId(caller.tenant_id)) as context:
        if not await context.http_tools.delete(tool_id):
            raise NotFound(f"no tool {tool_id}")
    return Response(status_code=204)


def _merged(present: HttpTool, changes: dict[str, Any]) -> ToolBody:
    """Lay the named fields over the present ones; what does not fit is the caller's mistake."""
    fields = set(ToolBody.model_fields) - {"secret"}
    try:
        return ToolBody.model_validate({n: getattr(present, n) for n in fields} | changes)
    except ValidationError as error:
        raise RequestValidationError(
            [{**one, "loc": ("body", *one["loc"])} for one in error.errors()]
        ) from None


def _found(tool: HttpTool | None, tool_id: str) -> HttpTool:
    if tool is None:
        raise NotFound(f"no tool {tool_id}")
    return tool


def _origin(url: str) -> str:
    match = _ORIGIN.match(url)
    return match[0].lower() if match else ""
