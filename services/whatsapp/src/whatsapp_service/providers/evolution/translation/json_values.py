"""Readers for JSON that a stranger wrote: each takes anything at all and never raises."""

import math
from datetime import UTC, datetime
from typing import Any

_WORD = 1 << 32
_LARGEST = 1 << 63
_LONGEST_NUMBER = 24
_LONGEST_ID = 255
"""WhatsApp's ids have some 20 to 60 characters; an index row cannot hold any length."""
_BIRTH = datetime(2009, 1, 1, tzinfo=UTC).timestamp()
"""WhatsApp did not exist before."""
_MILLISECONDS = 10**11
"""As seconds this would be the year 5138."""
_MICROSECONDS = 10**14
_AHEAD = 86_400
"""Seconds: how far a clock may be ahead of ours before we call its time absurd."""


def mapping(value: Any) -> dict[str, Any]:
    """Give the object, or an empty one."""
    return value if isinstance(value, dict) else {}


def entries(value: Any) -> list[Any]:
    """Give the list; a lone value is a list of one, null is none."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def text(value: Any) -> str | None:
    """Give a string that is not empty, without what Postgres or UTF-8 cannot hold."""
    if not isinstance(value, str) or not value:
        return None
    return value if value.isascii() and "\x00" not in value else (_storable(value) or None)


def _storable(value: str) -> str:
    """Drop NUL, and half surrogates (an emoji cut in two: `JSON.stringify` lets them pass)."""
    kept = value.replace("\x00", "")
    try:
        kept.encode()
    except UnicodeEncodeError:
        return kept.encode(errors="ignore").decode()
    return kept


def first_text(source: dict[str, Any], *names: str) -> str | None:
    """Give the first of these fields that is a text."""
    for name in names:
        found = text(source.get(name))
        if found is not None:
            return found
    return None


def identifier(value: Any) -> str | None:
    """Give an id: a string of a sane length, or a number written as one."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST:
        return str(value)
    found = text(value)
    if found is None:
        return None
    found = found.strip()
    return found if 0 < len(found) <= _LONGEST_ID else None


def flag(value: Any) -> bool:
    """Whether it says yes, in JSON's or in protobuf's way."""
    return value is True or (isinstance(value, int) and value == 1) or value == "true"


def integer(value: Any) -> int | None:
    """Give a whole number: plain, a decimal string, or a `Long` as `{"low", "high"}`.

    Evolution writes 64-bit numbers as Long objects in messages, and as decimal strings in
    `messages.edited` (observed on 2.3.7).
    """
    match value:
        case bool():
            found = None
        case int():
            found = value
        case float() | str():
            found = _whole(value)
        case {"low": int() as low, "high": int() as high}:
            unsigned = high % _WORD if flag(value.get("unsigned")) else high
            found = unsigned * _WORD + low % _WORD
        case _:
            found = None
    return found if found is not None and -_LARGEST <= found < _LARGEST else None


def _whole(value: float | str) -> int | None:
    try:
        return int(value) if len(str(value)) <= _LONGEST_NUMBER else None
    except (ValueError, OverflowError):
        return None


def size(value: Any) -> int | None:
    """Give a whole number that counts something."""
    found = integer(value)
    return found if found is not None and found >= 0 else None


def decimal(value: Any) -> float | None:
    """Give a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and len(value) > _LONGEST_NUMBER:
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def moment(value: Any, *, now: datetime) -> datetime | None:
    """Read a unix time in seconds (or milliseconds, or microseconds); None when absurd."""
    stamp: float | None = value if type(value) is int else integer(value)
    if stamp is None:
        return None
    if stamp >= _MICROSECONDS:
        stamp /= 1_000_000
    elif stamp >= _MILLISECONDS:
        stamp /= 1_000
    if not _BIRTH <= stamp <= now.timestamp() + _AHEAD:
        return None
    return datetime.fromtimestamp(stamp, UTC)


def written_moment(value: Any, *, now: datetime) -> datetime | None:
    """Read a time written as ISO 8601, or as a number; None when absurd."""
    if not isinstance(value, str) or "T" not in value:
        return moment(value, now=now)
    try:
        found = datetime.fromisoformat(value)
        stamp = (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return moment(int(stamp), now=now)
