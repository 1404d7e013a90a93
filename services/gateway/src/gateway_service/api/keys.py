"""A tenant's API keys over HTTP: list, make, revoke."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from common.auth import Principal
from common.contracts import TenantId
from common.service import Instant
from gateway_service.api.callers import Doorkeeper
from gateway_service.domain.model.accounts import StoredKey
from gateway_service.domain.ports import OpenForTenant
from gateway_service.domain.usecases import accounts
from gateway_service.domain.usecases.authenticate import KeyAuthenticator

router = APIRouter(prefix="/api")

# Only for the documentation: the doorkeeper reads the headers itself.
_bearer = HTTPBearer(auto_error=False, description="An API key (pk_…) or an OIDC token")
_header = APIKeyHeader(name="X-API-Key", auto_error=False)


def caller(scope: str) -> Callable[..., Awaitable[Principal]]:
    """Make the dependency of a route that needs a scope."""

    async def admitted(
        request: Request,
        _credentials: Annotated[Any, Security(_bearer)],
        _key: Annotated[Any, Security(_header)],
    ) -> Principal:
        doorkeeper: Doorkeeper = request.app.state.doorkeeper
        return await doorkeeper.admit(request.scope, scope)

    return admitted


Reader = Annotated[Principal, Depends(caller("keys:read"))]
Writer = Annotated[Principal, Depends(caller("keys:write"))]


def _opener(request: Request) -> OpenForTenant:
    opener: OpenForTenant = request.app.state.open_for
    return opener


def _authenticator(request: Request) -> KeyAuthenticator:
    authenticator: KeyAuthenticator = request.app.state.authenticator
    return authenticator


Opens = Annotated[OpenForTenant, Depends(_opener)]
Authenticator = Annotated[KeyAuthenticator, Depends(_authenticator)]


class NewKey(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200, description="what or whom it is for")
    scopes: list[str] = Field(min_length=1, max_length=50)
    expires_at: Instant | None = None


class KeyView(BaseModel):
    """A key as it may be seen: never its secret."""

    id: str
    name: str
    scopes: list[str]
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    last_used_at: AwareDatetime | None
    revoked_at: AwareDatetime | None


class MadeKey(KeyView):
    """A key that was just made."""

    key: str = Field(description="the key itself; it can never be shown again")


@router.get("/keys")
async def list_keys(caller: Reader, open_for: Opens) -> list[KeyView]:
    """List your tenant's keys, revoked ones too."""
    tenant = TenantId(caller.tenant_id)
    async with open_for(tenant) as context:
        return [KeyView(**seen(key)) for key in await accounts.list_keys(context, tenant)]


@router.post("/keys", status_code=201)
async def create_key(new: NewKey, caller: Writer, open_for: Opens) -> MadeKey:
    """Make a key; it can have no scope that yours lacks."""
    async with open_for(TenantId(caller.tenant_id)) as context:
        key, secret = await accounts.delegate_key(
            context, caller, new.name, new.scopes, expires_at=new.expires_at
        )
    return MadeKey(**seen(key), key=secret.reveal())


@router.delete("/keys/{key_id}", status_code=204)
async def revoke_key(
    key_id: str, caller: Writer, open_for: Opens, authenticator: Authenticator
) -> None:
    """Revoke a key; other processes may believe it for some seconds more."""
    async with open_for(TenantId(caller.tenant_id)) as context:
        await accounts.revoke_key(context, key_id)
    authenticator.forget(key_id)


def seen(key: StoredKey) -> dict[str, Any]:
    """Give what may be seen of a key."""
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
    }
