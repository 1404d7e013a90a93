"""Believing an API key, without asking the database every time."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from common.auth import ApiKey, Principal
from common.errors import Unauthenticated
from gateway_service.domain.model.accounts import StoredKey, granted
from gateway_service.domain.ports import Clock, KeyLookup

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

    def _remember(self, key_id: str, stored: StoredKey | None) -> None:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[key_id] = _Remembered(stored, self._clock() + self._seconds)


def _proven(presented: ApiKey, stored: StoredKey | None, now: datetime) -> Principal:
    # Whether the id exists is told only to who knows its secret.
    if stored is None or not presented.matches(stored.hash):
        raise Unauthenticated("The API key is not known.")
    stored.require_usable(now)
    return Principal(stored.tenant, f"key:{stored.id}", granted(stored.scopes))
