"""The token that Evolution puts into a webhook when its headers carry ``jwt_key``."""

from __future__ import annotations

import base64
import hashlib
import hmac

import orjson

_LIFETIME_SECONDS = 600


def webhook_token(key: str, issued_at: int) -> str:
    """Sign Evolution's claims with HS256.

    Args:
        key: the value of the ``jwt_key`` header entry.
        issued_at: Unix seconds; the token expires ten minutes later.
    """
    claims = {
        "iat": issued_at,
        "exp": issued_at + _LIFETIME_SECONDS,
        "app": "evolution",
        "action": "webhook",
    }
    head = _encode(b'{"alg":"HS256","typ":"JWT"}')
    signed = head + b"." + _encode(orjson.dumps(claims))
    mac = hmac.new(key.encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + _encode(mac)).decode()


def _encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
