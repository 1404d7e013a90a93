"""Tenants and keys."""

from datetime import timedelta
from typing import Any

import pytest

from common.auth import Principal
from common.contracts import TenantId
from common.errors import Forbidden, InvalidInput, NotFound
from gateway_service.domain.model.accounts import SCOPES, checked_scopes
from gateway_service.domain.usecases import accounts as usecases

A = TenantId("ten_a")


async def test_a_new_tenant_has_a_key_that_may_do_everything(accounts: Any) -> None:
    async with accounts.open() as context:
        tenant, secret = await usecases.create_tenant(context, "  Bakery ")

    assert tenant.name == "Bakery"
    stored = accounts.stored[secret.id]
    assert stored.tenant == tenant.id
    assert stored.scopes == {"*"}
    assert secret.matches(stored.hash)
    assert secret.secret not in repr(stored)
    assert stored.hash not in repr(stored)


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "a\nb"])
async def test_a_name_must_be_one(accounts: Any, name: str) -> None:
    with pytest.raises(InvalidInput):
        async with accounts.open() as context:
            await usecases.create_tenant(context, name)


def test_unknown_scopes_are_named() -> None:
    with pytest.raises(InvalidInput, match="'agents:fly'"):
        checked_scopes(["agents:read", "agents:fly"])
    with pytest.raises(InvalidInput, match="needs a scope"):
        checked_scopes(["", " "])


async def test_a_key_for_nobody_is_refused(accounts: Any) -> None:
    with pytest.raises(NotFound):
        async with accounts.open() as context:
            await usecases.create_key(context, TenantId("ten_none"), "x", ["*"])


async def test_a_key_that_has_expired_already_is_refused(accounts: Any) -> None:
    accounts.add("*")
    with pytest.raises(InvalidInput, match="expired"):
        async with accounts.open() as context:
            await usecases.create_key(
                context, A, "x", ["*"], expires_at=accounts.now - timedelta(seconds=1)
            )


async def test_nobody_gives_more_than_they_have(accounts: Any) -> None:
    accounts.add("*")
    caller = Principal(A, "key:1", frozenset({"keys:write", "agents:read"}))
    async with accounts.open(A) as context:
        with pytest.raises(Forbidden, match="agents:write"):
            await usecases.delegate_key(context, caller, "x", ["agents:read", "agents:write"])
        with pytest.raises(Forbidden):
            await usecases.delegate_key(context, caller, "x", ["*"])
        key, _ = await usecases.delegate_key(context, caller, "x", ["agents:read"])

    assert key.scopes == {"agents:read"}


async def test_who_may_do_everything_may_give_everything(accounts: Any) -> None:
    accounts.add("*")
    async with accounts.open(A) as context:
        key, _ = await usecases.delegate_key(context, Principal(A, "key:1", SCOPES), "x", ["*"])

    assert key.scopes == {"*"}


async def test_revoking_twice_keeps_the_first_time(accounts: Any) -> None:
    secret = accounts.add("*")
    async with accounts.open(A) as context:
        first = await usecases.revoke_key(context, secret.id)
        accounts.now += timedelta(hours=1)
        second = await usecases.revoke_key(context, secret.id)

    assert first.revoked_at == second.revoked_at


async def test_another_tenants_key_does_not_exist(accounts: Any) -> None:
    secret = accounts.add("*", tenant="ten_b")
    async with accounts.open(A) as context:
        with pytest.raises(NotFound):
            await usecases.revoke_key(context, secret.id)

    assert accounts.stored[secret.id].revoked_at is None
