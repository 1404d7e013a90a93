"""The JWT that Evolution puts on its webhooks, checked at the price of one HMAC."""

import base64
import binascii
import hmac
from typing import Any

import orjson

from common.errors import Unauthenticated

LEEWAY_SECONDS = 30 * 60
"""Evolution signs once per event and retries it for longer than the token's ten minutes;
a 401 would make it drop the event for ever (provider notes, evolution.md §2.1)."""

_LONGEST = 4096
_DOTS = 2


def verify_evolution_jwt(header: str | None, secret: str, now: float) -> None:
    """Believe an `Authorization: Bearer <HS256 JWT>` header, or refuse.

    Args:
        header: the header's value as it came.
        secret: the `jwt_key` given to Evolution for this webhook.
        now: seconds since the epoch.

    Raises:
        Unauthenticated: wrong scheme, signature, claims, or expired for over 30 minutes.
    """
    signed, signature = _split(header)
    expected = hmac.digest(secret.encode(), signed, "sha256")
    # Signature first: nothing of an unsigned token is parsed.
    if not secret or not hmac.compare_digest(expected, signature):
        raise Unauthenticated("The webhook's token is not signed with this webhook's key.")
    head, _, payload = signed.partition(b".")
    _check_claims(_part(head), _part(payload), now)


def _split(header: str | None) -> tuple[bytes, bytes]:
    """Separate what is signed from the signature."""
    if header is None or len(header) > _LONGEST or header[:7].lower() != "bearer ":
        raise Unauthenticated("The webhook carries no bearer token.")
    try:
        signed, dot, signature = header[7:].strip().encode("ascii").rpartition(b".")
        if not dot or signed.count(b".") != _DOTS - 1:
            raise Unauthenticated("The webhook's token is not a JWT.")
        return signed, _unpad(signature)
    except (binascii.Error, ValueError):
        raise Unauthenticated("The webhook's token is not a JWT.") from None


def _check_claims(head: dict[str, Any], claims: dict[str, Any], now: float) -> None:
    if head.get("alg") != "HS256":
        raise Unauthenticated("The webhook's token must be signed with HS256.")
    if claims.get("app") != "evolution" or claims.get("action") != "webhook":
        raise Unauthenticated("The webhook's token was made for something else.")
    expires = claims.get("exp")
    if not isinstance(expires, int | float) or now > expires + LEEWAY_SECONDS:
        raise Unauthenticated("The webhook's token expired more than 30 minutes ago.")


def _part(encoded: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(_unpad(encoded))
    except (binascii.Error, ValueError):
        raise Unauthenticated("The webhook's token is not a JWT.") from None
    if not isinstance(value, dict):
        raise Unauthenticated("The webhook's token is not a JWT.")
    return value


def _unpad(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
