"""Comparing what people type: without accents, case, punctuation or doubled blanks."""

import re
import unicodedata
from functools import lru_cache

_NOT_WORDS = re.compile(r"[^\w\s]+")
_LONGEST = 2_000
"""Characters of a message that are compared; what comes after decides nothing."""


def plain(text: str) -> str:
    """Write a text in the one way in which texts are compared."""
    decomposed = unicodedata.normalize("NFKD", text[:_LONGEST].casefold())
    letters = "".join(c for c in decomposed if not unicodedata.combining(c))
    return " ".join(_NOT_WORDS.sub(" ", letters).split())


def matches(pattern: str, text: str) -> bool:
    """Compare a whole text with a pattern in which `*` stands for anything.

    A tenant writes the pattern and a stranger the text, so it is no regular expression: one of
    those can be made to run for hours.
    """
    parts = _parts(pattern)
    if len(parts) == 1:
        return parts[0] == text
    if not text.startswith(parts[0]) or not text.endswith(parts[-1]):
        return False
    end = len(text) - len(parts[-1])
    at = len(parts[0])
    for part in parts[1:-1]:
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return at <= end


@lru_cache(maxsize=1_000)
def _parts(pattern: str) -> tuple[str, ...]:
    stars = pattern.split("*")
    return tuple(plain(part) for part in stars)
