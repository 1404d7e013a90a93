"""The command line's own verbs: tenants and their keys."""

import argparse
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from typing import Any

from common.auth import ApiKey
from common.contracts import TenantId, uuid7
from common.errors import InvalidInput
from common.service.columns import as_json, say
from common.service.command_database import command_database
from common.settings import load
from common.telemetry import configure
from gateway_service.app.contexts import context_opener
from gateway_service.domain.model.accounts import StoredKey, Tenant
from gateway_service.domain.model.audit import AuditEntry
from gateway_service.domain.ports import Context
from gateway_service.domain.usecases import accounts
from gateway_service.settings import Settings

_DONE = 200
_PAGE = 1000
_LONGEST_DAYS = 36_500


async def run(arguments: argparse.Namespace) -> int:
    """Do what `tenants …` or `keys …` asks for, and say so on standard output."""
    settings = load(Settings)
    configure("gateway", settings)
    async with (
        command_database("gateway", settings) as database,
        context_opener(database)() as context,
    ):
        lines = await _VERBS[arguments.verb, arguments.action](context, arguments)
    say(*lines)
    return 0


async def _create_tenant(context: Context, arguments: argparse.Namespace) -> list[str]:
    tenant, secret = await accounts.create_tenant(context, arguments.name)
    await _note(context, tenant.id, "tenants create")
    if arguments.json:
        return [as_json({"tenant_id": tenant.id, "name": tenant.name, "api_key": secret.reveal()})]
    return [f"tenant   {tenant.id}", *_shown_once(secret)]


async def _list_tenants(context: Context, arguments: argparse.Namespace) -> list[str]:
    tenants = [tenant async for tenant in _every(context)]
    if arguments.json:
        return [as_json([_tenant(tenant) for tenant in tenants])]
    return [f"{t.id}  {t.created_at:%Y-%m-%d}  {_standing(t):9}  {t.name}" for t in tenants]


def _standing(tenant: Tenant) -> str:
    return "active" if tenant.suspended_at is None else "suspended"


async def _every(context: Context) -> AsyncGenerator[Tenant]:
    after = ""
    while page := await accounts.list_tenants(context, after=after, limit=_PAGE):
        for tenant in page:
            yield tenant
        after = page[-1].id


async def _suspend_tenant(context: Context, arguments: argparse.Namespace) -> list[str]:
    tenant = await accounts.suspend_tenant(context, TenantId(arguments.tenant))
    await _note(context, tenant.id, "tenants suspend")
    return [f"{tenant.id} is suspended; running gateways refuse its keys within seconds."]


async def _resume_tenant(context: Context, arguments: argparse.Namespace) -> list[str]:
    tenant = await accounts.resume_tenant(context, TenantId(arguments.tenant))
    await _note(context, tenant.id, "tenants resume")
    return [f"{tenant.id} is let in again."]


async def _create_key(context: Context, arguments: argparse.Namespace) -> list[str]:
    key, secret = await accounts.create_key(
        context,
        TenantId(arguments.tenant),
        arguments.name,
        arguments.scopes.split(","),
        expires_at=_end(context, arguments.expires_days),
    )
    await _note(context, key.tenant, f"keys create {key.id}")
    if arguments.json:
        return [as_json({**_key(key), "api_key": secret.reveal()})]
    return [f"id       {key.id}", *_shown_once(secret)]


async def _revoke_key(context: Context, arguments: argparse.Namespace) -> list[str]:
    named: str = arguments.key
    key_id = ApiKey.parse(named).id if ApiKey.recognises(named) else named
    key = await accounts.revoke_key(context, key_id)
    await _note(context, key.tenant, f"keys revoke {key.id}")
    return [f"{key.id} is revoked; running gateways stop believing it within seconds."]


async def _list_keys(context: Context, arguments: argparse.Namespace) -> list[str]:
    keys = await accounts.list_keys(context, TenantId(arguments.tenant))
    if arguments.json:
        return [as_json([_key(key) for key in keys])]
    return [f"{k.id}  {_state(k):8}  {','.join(sorted(k.scopes))}  {k.name}" for k in keys]


_VERBS = {
    ("tenants", "create"): _create_tenant,
    ("tenants", "list"): _list_tenants,
    ("tenants", "suspend"): _suspend_tenant,
    ("tenants", "resume"): _resume_tenant,
    ("keys", "create"): _create_key,
    ("keys", "revoke"): _revoke_key,
    ("keys", "list"): _list_keys,
}


async def _note(context: Context, tenant: TenantId, action: str) -> None:
    entry = AuditEntry(uuid7(), tenant, context.now(), "cli", action, "", _DONE)
    await context.audit.add(entry)


def _end(context: Context, days: int | None) -> datetime | None:
    if days is None:
        return None
    if not 0 < days <= _LONGEST_DAYS:
        raise InvalidInput(f"--expires-days must be 1 to {_LONGEST_DAYS}.")
    return context.now() + timedelta(days=days)


def _shown_once(secret: ApiKey) -> list[str]:
    return [f"API key  {secret.reveal()}", "Keep it now: it cannot be shown again."]


def _state(key: StoredKey) -> str:
    return "active" if key.revoked_at is None else "revoked"


def _tenant(tenant: Tenant) -> dict[str, Any]:
    return {
        "tenant_id": tenant.id,
        "name": tenant.name,
        "created_at": tenant.created_at,
        "suspended_at": tenant.suspended_at,
    }


def _key(key: StoredKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "tenant_id": key.tenant,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
    }
