"""Identifiers in the forms that the providers give them."""

from __future__ import annotations

import random
import string
import uuid

_BASE36 = string.digits + string.ascii_lowercase


class Ids:
    """Makes identifiers; collisions are as unlikely as in the real thing."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)
        self._row = self._random.getrandbits(110)

    def sent(self) -> str:
        """Return the id of a message sent through the socket: 3EB0 and 18 hex digits."""
        return f"3EB0{self._random.getrandbits(72):018X}"

    def phone(self, source: str) -> str:
        """Return the id of a message written on a phone."""
        if source == "android":
            return f"AC{self._random.getrandbits(120):030X}"
        return f"3A{self._random.getrandbits(72):018X}"

    def cloud(self) -> str:
        """Return a Cloud API message id."""
        return f"wamid.{self._random.getrandbits(160):040X}"

    def row(self) -> str:
        """Return a database id, rising like the real ones."""
        self._row += 1
        value, digits = self._row, ""
        while value:
            value, digit = divmod(value, 36)
            digits = _BASE36[digit] + digits
        return f"cm{digits:0>23}"

    def uuid(self) -> str:
        """Return a random uuid."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def hexadecimal(self, bits: int) -> str:
        """Return `bits` random bits in lower-case hex."""
        return f"{self._random.getrandbits(bits):0{bits // 4}x}"

    def letters(self, count: int) -> str:
        """Return `count` random letters and digits in upper case."""
        return "".join(self._random.choices(string.ascii_uppercase + string.digits, k=count))

    def jitter(self, factor: float) -> float:
        """Return a number between ``1 - factor`` and ``1 + factor``."""
        return 1 + self._random.uniform(-factor, factor)
