"""Tenants and their keys: make, list, revoke."""

from collections.abc import Iterable
from datetime import datetime

from common.auth import ApiKey, Principal
from common.contracts import TenantId
from common.errors import Conflict, Forbidden, InvalidInput, NotFound
from common.names import checked_name
from gateway_service.domain.model.accounts import (
    EVERYTHING,
    StoredKey,
    Tenant,
    checked_scopes,
    granted,
)
from gateway_service.domain.ports import Context

_ATTEMPTS = 3
_FIRST_KEY = "first key"


async def create_tenant(context: Context, name: str) -> tuple[Tenant, ApiKey]:
    """Make a tenant and a key that may do everything; the key can never be read again.

    Raises:
        InvalidInput: the name is empty or too long.
    """
    tenant = Tenant(TenantId(context.new_id("ten")), checked_name(name), context.now())
    await context.tenants.add(tenant)
    _, secret = await create_key(context, tenant.id, _FIRST_KEY, [EVERYTHING])
    return tenant, secret


async def list_tenants(context: Context, *, after: str = "", limit: int = 100) -> list[Tenant]:
    """List tenants, the oldest first, from after an id on."""
    return await context.tenants.page(after, limit)


async def suspend_tenant(context: Context, tenant: TenantId) -> Tenant:
    """Have a tenant's keys and tokens refused until it is resumed; a second time changes nothing.

    Raises:
        NotFound: there is no such tenant.
    """
    return _known(await context.tenants.suspend(tenant, context.now()))


async def resume_tenant(context: Context, tenant: TenantId) -> Tenant:
    """Let a suspended tenant in again.

    Raises:
        NotFound: there is no such tenant.
    """
    return _known(await context.tenants.suspend(tenant, None))


def _known(tenant: Tenant | None) -> Tenant:
    if tenant is None:
        raise NotFound("There is no such tenant.")
    return tenant


async def create_key(
    context: Context,
    tenant: TenantId,
    name: str,
    scopes: Iterable[str],
    *,
    expires_at: datetime | None = None,
) -> tuple[StoredKey, ApiKey]:
    """Make a key; its secret can never be read again.

    Raises:
        InvalidInput: an unknown scope, an empty name, or an end that is past.
        NotFound: there is no such tenant.
        Conflict: no free id was found.
    """
    now = context.now()
    if expires_at is not None and expires_at <= now:
        raise InvalidInput("The key would have expired already.")
    name, asked = checked_name(name), checked_scopes(scopes)
    if not await context.tenants.exists(tenant):
        raise NotFound("There is no such tenant.")
    for _ in range(_ATTEMPTS):
        secret = ApiKey.generate()
        key = StoredKey(secret.id, tenant, name, secret.hash, asked, now, expires_at)
        # The id has 32 bits: among many keys two may meet.
        if await context.keys.add(key):
            return key, secret
    raise Conflict("No free key id was found.", hint="Try again.")


async def delegate_key(
    context: Context,
    caller: Principal,
    name: str,
    scopes: Iterable[str],
    *,
    expires_at: datetime | None = None,
) -> tuple[StoredKey, ApiKey]:
    """Make a key on a caller's behalf, who cannot give more than they have.

    Raises:
        Forbidden: naming the scope that the caller lacks.
        InvalidInput: as `create_key`.
    """
    asked = checked_scopes(scopes)
    missing = sorted(granted(asked) - caller.scopes)
    if missing:
        raise Forbidden(f"You cannot give the scope {missing[0]}: you do not have it.")
    tenant = TenantId(caller.tenant_id)
    return await create_key(context, tenant, name, asked, expires_at=expires_at)


async def list_keys(context: Context, tenant: TenantId) -> list[StoredKey]:
    """List a tenant's keys, revoked ones too.

    Raises:
        NotFound: there is no such tenant.
    """
    if not await context.tenants.exists(tenant):
        raise NotFound("There is no such tenant.")
    return await context.keys.of(tenant)


async def revoke_key(context: Context, key_id: str, *, tenant: TenantId | None = None) -> StoredKey:
    """Revoke a key, of this tenant if one is named; a second time changes nothing.

    Raises:
        NotFound: there is no such key, or it is another tenant's.
    """
    key = await context.keys.revoke(key_id, context.now(), tenant=tenant)
    if key is None:
        raise NotFound("There is no such key.")
    return key
