"""Tokens between services: a minute long, signed with the caller's own key."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey
from pydantic import SecretStr

from common.auth.keys import base64url, decode_key
from common.auth.principal import Principal
from common.errors import InvalidInput, Unauthenticated

_ALGORITHM = "Ed25519"  # RFC 9864's name; plain "EdDSA" is deprecated by it
_LIFE_SECONDS = 60
_REUSE_SECONDS = 30
_LEEWAY_SECONDS = 5
_REMEMBERED = 10_000

Clock = Callable[[], float]
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class TrustedCaller:
    """A service whose tokens we believe, and the most we let it ask for."""

    public_key: str
    scopes: frozenset[str]


def trusted_callers(
    keys: Mapping[str, str], allowed: Mapping[str, frozenset[str]]
) -> dict[str, TrustedCaller]:
    """Join the keys of INTERNAL_TRUSTED_KEYS with what this service allows each caller.

    Raises:
        InvalidInput: when an allowed caller has no key.
    """
    missing = sorted(set(allowed) - set(keys))
    if missing:
        raise InvalidInput(f"INTERNAL_TRUSTED_KEYS has no key for {', '.join(missing)}.")
    return {name: TrustedCaller(keys[name], scopes) for name, scopes in allowed.items()}


def generate_internal_key() -> tuple[str, str]:
    """Make a fresh key pair: (private for X_INTERNAL_KEY, public for INTERNAL_TRUSTED_KEYS)."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key()
    return base64url(private.private_bytes_raw()), base64url(public.public_bytes_raw())


class InternalTokens:
    """Signs for one service and believes those it trusts, each for its own scopes only.

    A signed token serves half of its life, and a verified one is remembered by its digest: a
    proxied request costs a dictionary look-up on either side, not an elliptic curve.
    """

    def __init__(
        self,
        service: str,
        private_key: str | SecretStr,
        trusted: Mapping[str, TrustedCaller] | None = None,
        *,
        clock: Clock = time.time,
    ) -> None:
        self.service = service
        self._key = _private_key(private_key)
        self._trusted = dict(trusted or {})
        self._keys = KeySet([_public_key(n, c.public_key) for n, c in self._trusted.items()])
        self._clock = clock
        self._signed: _Remembered[tuple[Principal, str], str] = _Remembered()
        self._verified: _Remembered[bytes, Principal] = _Remembered()

    def sign(self, principal: Principal, *, audience: str) -> str:
        """Give a token that speaks for the principal to one service for at least 30 seconds."""
        now = self._clock()
        token = self._signed.get((principal, audience), now)
        if token is None:
            token = self._sign(principal, audience, int(now))
            self._signed.put((principal, audience), token, until=now + _REUSE_SECONDS)
        return token

    def verify(self, token: str) -> Principal:
        """Read a token made for this service.

        Scopes beyond what the caller is trusted with are dropped.

        Raises:
            Unauthenticated: unknown caller, wrong signature, audience or time.
        """
        now = self._clock()
        digest = hashlib.sha256(token.encode()).digest()
        principal = self._verified.get(digest, now)
        if principal is None:
            caller, claims = self._claims(token)
            _check_times(claims, now)
            principal = self._principal(caller, claims)
            self._verified.put(digest, principal, until=claims["exp"])
        return principal

    def _sign(self, principal: Principal, audience: str, now: int) -> str:
        claims = {
            "iss": self.service,
            "aud": audience,
            "sub": principal.subject,
            "tenant": principal.tenant_id,
            "scope": " ".join(sorted(principal.scopes)),
            "iat": now,
            "exp": now + _LIFE_SECONDS,
        }
        header = {"alg": _ALGORITHM, "kid": self.service}
        return jwt.encode(header, claims, self._key, algorithms=[_ALGORITHM])

    def _claims(self, token: str) -> tuple[str, dict[str, Any]]:
        try:
            decoded = jwt.decode(token, self._keys, algorithms=[_ALGORITHM])
        except (JoseError, ValueError):
            raise Unauthenticated("The internal token does not prove a trusted caller.") from None
        # A key set of one answers even when no kid is given: ask for the name all the same.
        caller = decoded.header.get("kid")
        if not isinstance(caller, str) or caller not in self._trusted:
            raise Unauthenticated("The internal token does not prove a trusted caller.")
        return caller, decoded.claims

    def _principal(self, caller: str, claims: dict[str, Any]) -> Principal:
        if claims.get("iss") != caller or claims.get("aud") != self.service:
            raise Unauthenticated("The internal token was made for another service.")
        tenant, subject, scope = (claims.get(name) for name in ("tenant", "sub", "scope"))
        if not isinstance(tenant, str) or not isinstance(subject, str):
            raise Unauthenticated("The internal token names no tenant or no subject.")
        asked = frozenset(scope.split()) if isinstance(scope, str) else frozenset[str]()
        return Principal(tenant, subject, asked & self._trusted[caller].scopes)


def _check_times(claims: dict[str, Any], now: float) -> None:
    issued, expires = claims.get("iat"), claims.get("exp")
    if type(issued) is not int or type(expires) is not int:
        raise Unauthenticated("The internal token bears no times.")
    if expires - issued > _LIFE_SECONDS or issued > now + _LEEWAY_SECONDS:
        raise Unauthenticated("The internal token lives longer than we allow.")
    if now >= expires + _LEEWAY_SECONDS:
        raise Unauthenticated("The internal token has expired.")


def _private_key(encoded: str | SecretStr) -> OKPKey:
    text = encoded.get_secret_value() if isinstance(encoded, SecretStr) else encoded
    raw = decode_key(text, what="The internal key")
    public = Ed25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw()
    return OKPKey.import_key(
        {"kty": "OKP", "crv": "Ed25519", "d": base64url(raw), "x": base64url(public)}
    )


def _public_key(service: str, encoded: str) -> OKPKey:
    try:
        raw = decode_key(encoded, what=f"The public key of {service}")
        return OKPKey.import_key(
            {"kty": "OKP", "crv": "Ed25519", "x": base64url(raw), "kid": service}
        )
    except JoseError:
        raise InvalidInput(f"The public key of {service} is not an Ed25519 key.") from None


K = TypeVar("K")


class _Remembered(Generic[K, V]):
    """A bounded dictionary whose entries die."""

    def __init__(self) -> None:
        self._entries: dict[K, tuple[V, float]] = {}

    def get(self, key: K, now: float) -> V | None:
        entry = self._entries.get(key)
        if entry is None or entry[1] <= now:
            return None
        return entry[0]

    def put(self, key: K, value: V, *, until: float) -> None:
        if len(self._entries) >= _REMEMBERED:
            # All at once, rarely: cheaper than keeping an order on every look-up.
            self._entries.clear()
        self._entries[key] = (value, until)
