"""Bearer tokens of a foreign identity provider (OpenID Connect)."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
from joserfc import jws, jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from common.auth.principal import Principal
from common.errors import Transient, Unauthenticated, Unavailable

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "Ed25519")
"""Public-key signatures only: a shared-secret algorithm would let a public key sign."""
_LONGEST_TOKEN = 16_384

Fetch = Callable[[str], Awaitable[bytes]]
"""Reads a URL's body; raises one of our errors when it cannot. `ApiClient` provides one."""


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """Which provider, and how its tokens name our things."""

    issuer: str
    jwks_url: str
    audience: str
    tenant_claim: str = "tenant_id"
    scope_claim: str = "scope"
    leeway_seconds: int = 60
    refresh_seconds: float = 3600.0
    """How long its keys are used before they are read again."""
    retry_seconds: float = 30.0
    """The least time between two readings, whoever asks: unknown key ids cost nothing more."""


class TokenFacts(NamedTuple):
    """What a token says that was found good."""

    subject: str
    scopes: frozenset[str]
    claims: dict[str, Any]


class OidcVerifier:
    """Verifies bearer tokens with the provider's published keys, read once and kept."""

    def __init__(
        self, settings: OidcSettings, fetch: Fetch, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._fetch = fetch
        self._clock = clock
        self._keys: KeySet | None = None
        self._read_at = float("-inf")
        self._tried_at = float("-inf")
        self._reading = asyncio.Lock()
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: int(clock()),
            leeway=settings.leeway_seconds,
            iss={"essential": True, "value": settings.issuer},
            aud={"essential": True, "value": settings.audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    async def verify(self, token: str) -> Principal:
        """Read a bearer token of a tenant's user.

        Raises:
            Unauthenticated: as `read` does; or it names no tenant.
            Unavailable: likewise.
        """
        subject, scopes, claims = await self.read(token)
        tenant = claims.get(self._settings.tenant_claim)
        if not isinstance(tenant, str) or not tenant:
            raise Unauthenticated(f"The bearer token has no {self._settings.tenant_claim} claim.")
        return Principal(tenant, subject, scopes)

    async def read(self, token: str) -> TokenFacts:
        """Read a bearer token, whether it is of a tenant's user or not.

        Raises:
            Unauthenticated: not signed by the provider for us, or expired.
            Unavailable: when the provider's keys were never read and cannot be.
        """
        keys = await self._keys_for(_key_id(token))
        try:
            decoded = jwt.decode(token, keys, algorithms=_ALGORITHMS)
            self._claims.validate(decoded.claims)
        except (JoseError, ValueError) as failure:
            raise Unauthenticated(f"The bearer token is refused: {_reason(failure)}.") from None
        scopes = decoded.claims.get(self._settings.scope_claim, "")
        names = scopes.split() if isinstance(scopes, str) else scopes
        known = frozenset(n for n in names if isinstance(n, str)) if names else frozenset[str]()
        return TokenFacts(str(decoded.claims["sub"]), known, decoded.claims)

    async def _keys_for(self, key_id: str | None) -> KeySet:
        keys = self._keys
        if keys is not None and not self._stale() and _has(keys, key_id):
            return keys
        async with self._reading:
            # Whoever waited here finds the keys that the first one read.
            if self._keys is None or self._stale() or not _has(self._keys, key_id):
                await self._refresh()
        if self._keys is None:
            raise Unavailable("The identity provider's keys cannot be read.")
        return self._keys

    def _stale(self) -> bool:
        return self._clock() - self._read_at > self._settings.refresh_seconds

    async def _refresh(self) -> None:
        now = self._clock()
        if now - self._tried_at < self._settings.retry_seconds:
            return
        self._tried_at = now
        try:
            document = orjson.loads(await self._fetch(self._settings.jwks_url))
            self._keys = KeySet.import_key_set(document)
            self._read_at = now
        except (JoseError, ValueError, KeyError, TypeError):
            if self._keys is None:
                raise Unavailable("The identity provider's keys make no sense.") from None
        except Transient:
            # Old keys go on serving while the provider is away.
            if self._keys is None:
                raise


def _key_id(token: str) -> str | None:
    if len(token) > _LONGEST_TOKEN:
        raise Unauthenticated("The bearer token is too long.")
    try:
        header = jws.extract_compact(token.encode()).headers()
    except (JoseError, ValueError):
        raise Unauthenticated("The bearer token is not a signed JWT.") from None
    key_id = header.get("kid")
    return key_id if isinstance(key_id, str) else None


def _has(keys: KeySet, key_id: str | None) -> bool:
    return any(key.kid == key_id for key in keys) or (key_id is None and len(keys.keys) == 1)


def _reason(failure: Exception) -> str:
    """Name the failure without quoting the token."""
    if isinstance(failure, InvalidKeyIdError):
        return "unknown key"
    return getattr(failure, "error", "malformed").replace("_", " ")
