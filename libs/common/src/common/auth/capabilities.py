"""Webhook addresses that prove themselves: a sealed token and the secret derived from it."""

import hmac
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from pydantic import SecretStr

from common.auth.keys import base64url, derive, parse_keyring, unbase64url
from common.errors import InvalidInput, NotFound

_HEX_FLAG = 0x80
_HEX_ID = 32
_HEX_DIGITS = frozenset("0123456789abcdef")
_GENERATION_BYTES = 4
_LONGEST_ID = 512
_PURPOSE = [b"parley/webhook/1"]


@dataclass(frozen=True, slots=True)
class WebhookCapability:
    """Whose webhook an address is. The owner compares `generation` with its own row."""

    tenant_id: str
    integration_id: str
    provider: str
    generation: int


class Capabilities:
    """Mints and reads webhook public ids: `<key id>_<AES-SIV token>`, safe in a URL path.

    AES-SIV (RFC 5297) takes its nonce from the content: the same integration and generation
    always have the same address, and nothing leaks when it is minted twice. Reading costs a few
    microseconds and needs neither a look-up nor a cache.
    """

    def __init__(self, keys: dict[str, bytes]) -> None:
        self._first = next(iter(keys))
        self._seals = {name: AESSIV(derive(key, "capability", 64)) for name, key in keys.items()}
        self._roots = {name: derive(key, "webhook-secret") for name, key in keys.items()}

    @classmethod
    def parse(cls, text: str | SecretStr) -> Self:
        """Read the capability keyring as the environment spells it.

        Raises:
            InvalidInput: when it is not `k1:<base64>[,k2:…]`.
        """
        plain = text.get_secret_value() if isinstance(text, SecretStr) else text
        return cls(parse_keyring(plain))

    def mint(
        self, *, tenant_id: str, integration_id: str, provider: str, generation: int = 1
    ) -> str:
        """Make the public id of an integration's webhook; a new generation revokes the old.

        Raises:
            InvalidInput: when a part is longer than an address can carry.
        """
        packed = generation.to_bytes(_GENERATION_BYTES, "big") + b"".join(
            _pack(part) for part in (provider, tenant_id, integration_id)
        )
        return f"{self._first}_{base64url(self._seals[self._first].encrypt(packed, _PURPOSE))}"

    def read(self, public_id: str) -> WebhookCapability:
        """Open a public id.

        Raises:
            NotFound: for anything we did not mint, whatever is wrong with it.
        """
        key_id, _, token = public_id.partition("_")
        seal = self._seals.get(key_id)
        if seal is None or len(public_id) > _LONGEST_ID:
            raise NotFound("There is no such webhook address.")
        try:
            packed = seal.decrypt(unbase64url(token), _PURPOSE)
        except (InvalidTag, ValueError):
            raise NotFound("There is no such webhook address.") from None
        provider, at = _unpack(packed, _GENERATION_BYTES)
        tenant_id, at = _unpack(packed, at)
        integration_id, _ = _unpack(packed, at)
        generation = int.from_bytes(packed[:_GENERATION_BYTES], "big")
        return WebhookCapability(tenant_id, integration_id, provider, generation)

    def secret(self, public_id: str) -> str:
        """Derive the secret that goes with a public id (HKDF-Expand, RFC 5869, one block).

        Raises:
            NotFound: when the id names a key that we do not have.
        """
        root = self._roots.get(public_id.partition("_")[0])
        if root is None:
            raise NotFound("There is no such webhook address.")
        # One HMAC by hand: the library's HKDF object costs ten times as much per webhook.
        return base64url(hmac.digest(root, public_id.encode() + b"\x01", "sha256"))


def _pack(part: str) -> bytes:
    """Write an id short: `agt_<32 hex digits>` becomes its prefix and 16 bytes."""
    head, tail = part[:-_HEX_ID], part[-_HEX_ID:]
    if len(tail) == _HEX_ID and _HEX_DIGITS.issuperset(tail):
        prefix = head.encode()
        body = prefix + bytes.fromhex(tail)
        mark = _HEX_FLAG | len(prefix)
    else:
        prefix = body = part.encode()
        mark = len(prefix)
    if len(prefix) >= _HEX_FLAG:
        raise InvalidInput("An id in a webhook address may have at most 127 bytes.")
    return bytes([mark]) + body


def _unpack(packed: bytes, at: int) -> tuple[str, int]:
    mark = packed[at]
    middle = at + 1 + (mark & ~_HEX_FLAG)
    head = packed[at + 1 : middle].decode()
    if not mark & _HEX_FLAG:
        return head, middle
    end = middle + _HEX_ID // 2
    return head + packed[middle:end].hex(), end
