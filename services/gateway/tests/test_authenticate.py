"""Believing keys, for a few seconds at a time."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from common.auth import ApiKey
from common.errors import Unauthenticated, Unavailable
from gateway_service.domain.model.accounts import SCOPES
from gateway_service.domain.usecases.authenticate import KeyAuthenticator


@dataclass
class Steady:
    """A clock that moves when told."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Steady:
    return Steady()


@pytest.fixture
def authenticator(accounts: Any, clock: Callable[[], float]) -> KeyAuthenticator:
    return KeyAuthenticator(accounts, seconds=5, now=lambda: accounts.now, clock=clock)


async def test_a_key_becomes_a_principal(accounts: Any, authenticator: KeyAuthenticator) -> None:
    secret = accounts.add("agents:read")

    found = await authenticator.principal(secret.reveal())

    assert (found.tenant_id, found.subject) == ("ten_a", f"key:{secret.id}")
    assert found.scopes == {"agents:read"}
    assert accounts.marked == [secret.id]


async def test_a_star_means_every_scope(accounts: Any, authenticator: KeyAuthenticator) -> None:
    assert (await authenticator.principal(accounts.add("*").reveal())).scopes == SCOPES


async def test_the_database_is_asked_once_in_five_seconds(
    accounts: Any, authenticator: KeyAuthenticator, clock: Steady
) -> None:
    secret = accounts.add("*")
    for clock.now in (0.0, 1.0, 4.9):
        await authenticator.principal(secret.reveal())
    assert accounts.lookups == [secret.id]

    clock.now = 5.0
    await authenticator.principal(secret.reveal())
    assert accounts.lookups == [secret.id] * 2


async def test_a_revocation_elsewhere_takes_five_seconds_at_most(
    accounts: Any, authenticator: KeyAuthenticator, clock: Steady
) -> None:
    secret = accounts.add("*")
    await authenticator.principal(secret.reveal())
    key = accounts.stored[secret.id]
    accounts.stored[secret.id] = replace(key, revoked_at=accounts.now)

    clock.now = 5.0

    with pytest.raises(Unauthenticated, match="revoked"):
        await authenticator.principal(secret.reveal())


async def test_a_revocation_here_is_immediate(
    accounts: Any, authenticator: KeyAuthenticator
) -> None:
    secret = accounts.add("*")
    await authenticator.principal(secret.reveal())
    key = accounts.stored[secret.id]
    accounts.stored[secret.id] = replace(key, revoked_at=accounts.now)

    authenticator.forget(secret.id)

    with pytest.raises(Unauthenticated, match="revoked"):
        await authenticator.principal(secret.reveal())


async def test_a_remembered_key_still_expires(
    accounts: Any, authenticator: KeyAuthenticator
) -> None:
    secret = accounts.add("*")
    key = accounts.stored[secret.id]
    accounts.stored[secret.id] = replace(key, expires_at=accounts.now + timedelta(seconds=1))
    await authenticator.principal(secret.reveal())

    accounts.now += timedelta(seconds=1)

    with pytest.raises(Unauthenticated, match="expired"):
        await authenticator.principal(secret.reveal())


async def test_a_wrong_secret_is_refused_also_when_the_right_one_is_remembered(
    accounts: Any, authenticator: KeyAuthenticator
) -> None:
    secret = accounts.add("*")
    await authenticator.principal(secret.reveal())
    wrong = ApiKey(secret.id, ApiKey.generate().secret)

    with pytest.raises(Unauthenticated, match="not known"):
        await authenticator.principal(wrong.reveal())


async def test_guessing_the_same_id_asks_the_database_once(
    accounts: Any, authenticator: KeyAuthenticator
) -> None:
    unknown = ApiKey.generate()
    for _ in range(3):
        with pytest.raises(Unauthenticated, match="not known"):
            await authenticator.principal(unknown.reveal())

    assert accounts.lookups == [unknown.id]
    assert accounts.marked == []


async def test_a_database_that_is_away_is_no_refusal(
    accounts: Any, authenticator: KeyAuthenticator
) -> None:
    secret = accounts.add("*")
    accounts.away = True

    with pytest.raises(Unavailable):
        await authenticator.principal(secret.reveal())
