"""Sealed secrets: values that only their own place in the database can open."""

import os
from collections.abc import Iterable
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from common.auth.keys import base64url, derive, parse_keyring, unbase64url
from common.errors import NeedsOperator

_VERSION = "s1"
_NONCE_BYTES = 12

SealContext = tuple[str, str]
"""(what the value is, whose it is), such as `("google.connections.refresh_token", tenant)`."""


class Keyring:
    """Seals and opens secrets with AES-256-GCM: `s1.<key id>.<nonce and ciphertext>`.

    The context is authenticated with the value: a value moved to another column or another
    tenant's row does not open. The first key seals, every key opens, so a new key is added in
    front, the rows are resealed while the service runs, and then the old key is taken away.
    """

    def __init__(self, keys: dict[str, bytes]) -> None:
        self.first = next(iter(keys))
        """The id of the key that seals."""
        self._ciphers = {name: AESGCM(derive(key, "sealed")) for name, key in keys.items()}

    @classmethod
    def parse(cls, text: str | SecretStr) -> Self:
        """Read a keyring as the environment spells it.

        Raises:
            InvalidInput: when it is not `k1:<base64>[,k2:…]`.
        """
        plain = text.get_secret_value() if isinstance(text, SecretStr) else text
        return cls(parse_keyring(plain))

    def seal(self, value: str | bytes, *, context: SealContext) -> str:
        """Seal a value for one place; the same value seals differently every time."""
        plain = value.encode() if isinstance(value, str) else value
        nonce = os.urandom(_NONCE_BYTES)
        header = f"{_VERSION}.{self.first}"
        sealed = self._ciphers[self.first].encrypt(nonce, plain, _bound(header, context))
        return f"{header}.{base64url(nonce + sealed)}"

    def open(self, value: str, *, context: SealContext) -> str:
        """Open a sealed text.

        Raises:
            NeedsOperator: when its key is gone, or it was altered or moved.
        """
        return self.open_bytes(value, context=context).decode()

    def open_bytes(self, value: str, *, context: SealContext) -> bytes:
        """Open a sealed value; raises as `open` does."""
        version, key_id, body = _parts(value)
        cipher = self._ciphers.get(key_id)
        if version != _VERSION or cipher is None:
            raise NeedsOperator(
                "A sealed value names a key that is not in the keyring.",
                hint="Put the key back into the keyring, or connect the account again.",
            )
        try:
            raw = unbase64url(body)
            header = f"{version}.{key_id}"
            return cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _bound(header, context))
        except (InvalidTag, ValueError):
            raise NeedsOperator(
                "A sealed value does not open: it was altered, or belongs somewhere else.",
                hint="Connect the account again.",
            ) from None

    def reseal(self, value: str, *, context: SealContext) -> str:
        """Seal again under the first key; raises as `open` does."""
        return self.seal(self.open_bytes(value, context=context), context=context)


def _parts(value: str) -> tuple[str, str, str]:
    version, _, rest = value.partition(".")
    key_id, _, body = rest.partition(".")
    return version, key_id, body


def _bound(header: str, context: Iterable[str]) -> bytes:
    """Join with lengths in front: no two contexts can give the same bytes."""
    parts = [part.encode() for part in (header, *context)]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
