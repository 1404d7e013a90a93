"""Key material as the environment spells it, and keys derived from keys."""

import base64
import binascii
import os
import re

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from common.errors import InvalidInput

KEY_BYTES = 32
_KEY_ID = re.compile(r"[a-z0-9]{1,8}")


def parse_keyring(text: str) -> dict[str, bytes]:
    """Read `k1:<base64 of 32 bytes>[,k2:…]`, keeping the order; the first key seals.

    Raises:
        InvalidInput: naming the entry by its position or id, never showing the key.
    """
    keys: dict[str, bytes] = {}
    for position, entry in enumerate(text.split(","), start=1):
        key_id, _, encoded = entry.strip().partition(":")
        if not _KEY_ID.fullmatch(key_id):
            raise InvalidInput(f"Keyring entry {position} needs an id of 1-8 of a-z, 0-9.")
        if key_id in keys:
            raise InvalidInput(f"Keyring names {key_id} twice.")
        keys[key_id] = decode_key(encoded, what=f"Keyring key {key_id}")
    return keys


def decode_key(encoded: str, *, what: str) -> bytes:
    """Decode a 32-byte key from base64 or base64url, padded or not.

    Raises:
        InvalidInput: naming `what`, never showing the key.
    """
    text = encoded.strip().rstrip("=").replace("-", "+").replace("_", "/")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput(f"{what} is not base64.") from None
    if len(raw) != KEY_BYTES:
        raise InvalidInput(f"{what} must be {KEY_BYTES} bytes, it has {len(raw)}.")
    return raw


def derive(key: bytes, purpose: str, length: int = KEY_BYTES) -> bytes:
    """Derive a key for one purpose (HKDF-SHA256), so that no key serves two."""
    return HKDF(SHA256(), length, salt=None, info=f"parley/{purpose}".encode()).derive(key)


def base64url(raw: bytes) -> str:
    """Encode without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def unbase64url(text: str) -> bytes:
    """Decode only the one canonical spelling, so that a value has exactly one text.

    Raises:
        ValueError: for anything else.
    """
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if base64url(raw) != text:
        raise ValueError("not the canonical spelling")
    return raw


def generate_keyring(key_id: str = "k1") -> str:
    """Make a keyring of one fresh key, as the environment spells it."""
    return f"{key_id}:{base64.b64encode(os.urandom(KEY_BYTES)).decode('ascii')}"
