"""What who runs the suite may do over HTTP: make tenants, suspend them, and keep their keys."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Security
from fastapi.security import HTTPBearer
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr
from starlette.types import Scope

from common.auth import Principal, TokenFacts, secrets_equal
from common.contracts import TenantId
from common.errors import Forbidden, Unauthenticated
from common.telemetry import bind
from gateway_service.api.callers import CALL, CallNotes, bearer_of
from gateway_service.api.keys import Authenticator, KeyView, MadeKey, NewKey, seen
from gateway_service.domain.model.audit import NOBODY
from gateway_service.domain.ports import Opener
from gateway_service.domain.usecases import accounts

_DOTS_OF_A_JWT = 2

ReadToken = Callable[[str], Awaitable[TokenFacts]]

router = APIRouter(prefix="/api/operator", tags=["operator"])

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="Operator",
    description="GATEWAY_OPERATOR_KEY, or an OIDC token with GATEWAY_OIDC__OPERATOR_SCOPE",
)


class OperatorGate:
    """Lets in who has the operator's key, or a token with the operator's scope."""

    def __init__(
        self,
        key: SecretStr | None,
        *,
        oidc: ReadToken | None = None,
        scope: str | None = None,
    ) -> None:
        self._key = key
        self._oidc = oidc if scope else None
        self._scope = scope

    async def admit(self, scope: Scope) -> Principal:
        """Prove an operator.

        Raises:
            Unauthenticated: no credential, or none that we believe.
            Forbidden: a good token without the operator's scope.
        """
        operator = Principal(NOBODY, f"operator:{await self._name(bearer_of(scope))}")
        notes = scope.get(CALL)
        if isinstance(notes, CallNotes):
            notes.principal = operator
        bind(subject=operator.subject)
        return operator

    async def _name(self, credential: str) -> str:
        key = self._key.get_secret_value() if self._key is not None else ""
        if secrets_equal(credential, key):
            return "key"
        # A tenant's key is never sent on to the identity provider's check.
        if self._oidc is None or credential.count(".") != _DOTS_OF_A_JWT:
            raise Unauthenticated("This needs an operator's credential, as a bearer token.")
        token = await self._oidc(credential)
        if self._scope not in token.scopes:
            raise Forbidden("This needs the operator's scope.")
        return token.subject


async def _admitted(request: Request, _token: Annotated[Any, Security(_bearer)]) -> Principal:
    gate: OperatorGate = request.app.state.operators
    return await gate.admit(request.scope)


def _opener(request: Request, _operator: Annotated[Principal, Depends(_admitted)]) -> Opener:
    # Behind the proof: nobody opens all tenants without it.
    opener: Opener = request.app.state.open_all
    return opener


Opens = Annotated[Opener, Depends(_opener)]


class NewTenant(BaseModel):
    """A tenant to be made."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)


class TenantView(BaseModel):
    """A business that uses Parley."""

    id: str
    name: str
    created_at: AwareDatetime
    suspended_at: AwareDatetime | None = Field(
        description="since when its keys and tokens are refused"
    )


class MadeTenant(TenantView):
    """A tenant that was just made."""

    key: str = Field(description="its first API key, which may do everything; never shown again")


@router.post("/tenants", status_code=201)
async def create_tenant(new: NewTenant, request: Request, open_all: Opens) -> MadeTenant:
    """Make a tenant and its first key."""
    async with open_all() as context:
        tenant, secret = await accounts.create_tenant(context, new.name)
    _note(request, tenant.id)
    return MadeTenant(**asdict(tenant), key=secret.reveal())


@router.get("/tenants")
async def list_tenants(
    open_all: Opens,
    after: Annotated[
        str, Query(max_length=100, description="the id that the last page ended with")
    ] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[TenantView]:
    """List tenants, the oldest first."""
    async with open_all() as context:
        found = await accounts.list_tenants(context, after=after, limit=limit)
    return [TenantView(**asdict(tenant)) for tenant in found]


@router.post("/tenants/{tenant_id}/suspend")
async def suspend_tenant(
    tenant_id: str, request: Request, open_all: Opens, authenticator: Authenticator
) -> TenantView:
    """Refuse a tenant's keys and tokens, within seconds everywhere.

    What customers write is received and answered all the same; nothing is lost.
    """
    async with open_all() as context:
        tenant = await accounts.suspend_tenant(context, TenantId(tenant_id))
    _note(request, tenant_id)
    authenticator.forget_all()
    return TenantView(**asdict(tenant))


@router.post("/tenants/{tenant_id}/resume")
async def resume_tenant(
    tenant_id: str, request: Request, open_all: Opens, authenticator: Authenticator
) -> TenantView:
    """Let a suspended tenant in again."""
    async with open_all() as context:
        tenant = await accounts.resume_tenant(context, TenantId(tenant_id))
    _note(request, tenant_id)
    authenticator.forget_all()
    return TenantView(**asdict(tenant))


@router.get("/tenants/{tenant_id}/keys")
async def list_tenant_keys(tenant_id: str, open_all: Opens) -> list[KeyView]:
    """List a tenant's keys, revoked ones too."""
    async with open_all() as context:
        found = await accounts.list_keys(context, TenantId(tenant_id))
    return [KeyView(**seen(key)) for key in found]


@router.post("/tenants/{tenant_id}/keys", status_code=201)
async def create_tenant_key(
    tenant_id: str, new: NewKey, request: Request, open_all: Opens
) -> MadeKey:
    """Make a key for a tenant."""
    async with open_all() as context:
        key, secret = await accounts.create_key(
            context, TenantId(tenant_id), new.name, new.scopes, expires_at=new.expires_at
        )
    _note(request, tenant_id)
    return MadeKey(**seen(key), key=secret.reveal())


@router.delete("/tenants/{tenant_id}/keys/{key_id}", status_code=204)
async def revoke_tenant_key(
    tenant_id: str, key_id: str, request: Request, open_all: Opens, authenticator: Authenticator
) -> None:
    """Revoke a tenant's key; other processes may believe it for some seconds more."""
    async with open_all() as context:
        await accounts.revoke_key(context, key_id, tenant=TenantId(tenant_id))
    _note(request, tenant_id)
    authenticator.forget(key_id)


def _note(request: Request, tenant: str) -> None:
    """Say whom it was about, for the audit log; what failed is noted with its path only."""
    notes = request.scope.get(CALL)
    if isinstance(notes, CallNotes):
        notes.tenant = tenant
