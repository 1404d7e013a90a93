"""Tenant API keys: made once, shown once, kept as a hash."""

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import Self

from common.auth.constant_time import secrets_equal
from common.errors import Unauthenticated

_ID_BYTES = 4
_SECRET_BYTES = 32
_SHAPE = re.compile(r"pk_(?P<id>[0-9a-f]{8})_(?P<secret>[A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as its owner holds it: `pk_<8 hex digits>_<256 random bits>`.

    The id finds the row, the hash proves the secret. Plain SHA-256 is right here: bcrypt and
    its kin slow down guessing at *passwords*; 256 random bits cannot be guessed at any speed,
    and a slow hash on every request would only be a way to exhaust us.
    """

    id: str
    secret: str = field(repr=False)

    @classmethod
    def generate(cls) -> Self:
        """Make a fresh key."""
        return cls(id=secrets.token_hex(_ID_BYTES), secret=secrets.token_urlsafe(_SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a key as a caller sent it.

        Raises:
            Unauthenticated: when it has not the shape of a key.
        """
        match = _SHAPE.fullmatch(text)
        if match is None:
            raise Unauthenticated("The API key has not the form pk_<id>_<secret>.")
        return cls(id=match["id"], secret=match["secret"])

    @staticmethod
    def recognises(text: str) -> bool:
        """Tell an API key from another bearer token, without a look-up."""
        return text.startswith("pk_")

    @property
    def hash(self) -> str:
        """What the database keeps; the id is in it, so hashes cannot be swapped between rows."""
        return hashlib.sha256(f"{self.id}.{self.secret}".encode()).hexdigest()

    def matches(self, stored_hash: str) -> bool:
        """Compare with the stored hash in constant time."""
        return secrets_equal(self.hash, stored_hash)

    def reveal(self) -> str:
        """Spell the whole key, to be shown to its owner once and kept nowhere."""
        return f"pk_{self.id}_{self.secret}"
