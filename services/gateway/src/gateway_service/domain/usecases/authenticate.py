"""Believing an API key, without asking the database every time."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import NamedTuple

from common.auth import ApiKey, Principal
from common.errors import Unauthenticated
from gateway_service.domain.model.accounts import StoredKey, granted, suspended
from gateway_service.domain.ports import Clock, KeyLookup, Standing

_REMEMBERED = 10_000


class _Remembered(NamedTuple):
    key: StoredKey | None
    until: float


class KeyAuthenticator:
    """Turns API keys into principals.

    What the database said about an id is believed for `seconds`: a key revoked elsewhere may be
    used for that long. Ids that do not exist are remembered too, so that guessing costs us
    little.
    """

    def __init__(
        self, lookup: KeyLookup, *, seconds: float, now: Clock, clock: Callable[[], float]
    ) -> None:
        self._lookup = lookup
        self._seconds = seconds
        self._now = now
        self._clock = clock
        self._known: dict[str, _Remembered] = {}

    async def principal(self, text: str) -> Principal:
        """Read a key as the caller sent it.

        Raises:
            Unauthenticated: not a key, unknown, wrong, revoked or expired.
            Unavailable: the database is away and the key is not remembered.
        """
        presented = ApiKey.parse(text)
        remembered = self._known.get(presented.id)
        if remembered is not None and remembered.until > self._clock():
            return _proven(presented, remembered.key, self._now())
        stored = await self._lookup.find(presented.id)
        self._remember(presented.id, stored)
        now = self._now()
        principal = _proven(presented, stored, now)
        await self._lookup.used(presented.id, now)
        return principal

    def forget(self, key_id: str) -> None:
        """Ask the database again next time: the key was just revoked here."""
        self._known.pop(key_id, None)

    def forget_all(self) -> None:
        """Ask the database about every key again: a tenant was just suspended here."""
        self._known.clear()

    def _remember(self, key_id: str, stored: StoredKey | None) -> None:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[key_id] = _Remembered(stored, self._clock() + self._seconds)


class TokenAuthenticator:
    """Believes an identity provider's tokens, except those of suspended tenants.

    How a tenant stands is remembered as long as a key is.
    """

    def __init__(
        self,
        verify: Callable[[str], Awaitable[Principal]],
        standing: Standing,
        *,
        seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._verify = verify
        self._standing = standing
        self._seconds = seconds
        self._clock = clock
        self._good_until: dict[str, float] = {}

    async def principal(self, token: str) -> Principal:
        """Read a token.

        Raises:
            Unauthenticated: not one of the provider's, or its tenant is suspended.
            Unavailable: the provider or the database is away.
        """
        principal = await self._verify(token)
        tenant = principal.tenant_id
        if self._good_until.get(tenant, 0.0) <= self._clock():
            if await self._standing.is_suspended(tenant):
                raise suspended()
            if len(self._good_until) >= _REMEMBERED:
                self._good_until.clear()
            self._good_until[tenant] = self._clock() + self._seconds
        return principal


def _proven(presented: ApiKey, stored: StoredKey | None, now: datetime) -> Principal:
    # Whether the id exists is told only to who knows its secret.
    if stored is None or not presented.matches(stored.hash):
        raise Unauthenticated("The API key is not known.")
    stored.require_usable(now)
    return Principal(stored.tenant, f"key:{stored.id}", granted(stored.scopes))
