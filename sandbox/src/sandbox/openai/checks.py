"""Checks of request fields, each raising OpenAI's own complaint.

A null is no absent field: it is refused unless the SDK's parameter types call the field Optional.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox.openai.errors import (
    empty_array,
    invalid,
    missing,
    too_long,
    too_many,
    unknown_parameter,
    wrong_type,
    wrong_value,
)
from sandbox.wire import Json

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "objects": (list,),
    "tools": (list,),
    "object": (dict,),
    "metadata": (dict,),
}
_MAX_PAIRS = 16
_LONGEST_NAME = 64
_LONGEST_VALUE = 512


def only(body: Json, allowed: Iterable[str], prefix: str = "") -> None:
    """Refuse the first field that is not allowed."""
    known = set(allowed)
    for name in body:
        if name not in known:
            raise unknown_parameter(f"{prefix}{name}")


def typed(body: Json, name: str, expected: str, prefix: str = "", *, nullable: bool = False) -> Any:
    """Return a field of a type; None when it is absent, or null where that is allowed."""
    value = body.get(name)
    if value is None and (nullable or name not in body):
        return None
    is_bool = isinstance(value, bool)
    if not isinstance(value, _TYPES[expected]) or (is_bool and expected != "boolean"):
        raise wrong_type(f"{prefix}{name}", expected, value)
    return value


def needed(body: Json, name: str, expected: str, prefix: str = "") -> Any:
    """Return a required field of a type."""
    if name not in body:
        raise missing(f"{prefix}{name}")
    return typed(body, name, expected, prefix)


def chosen(
    body: Json, name: str, supported: tuple[str, ...], prefix: str = "", *, nullable: bool = False
) -> str | None:
    """Return a field that is one of a list; None when it is absent, or null where allowed."""
    value = typed(body, name, "string", prefix, nullable=nullable)
    if value is not None and value not in supported:
        raise wrong_value(f"{prefix}{name}", value, supported)
    return value  # type: ignore[no-any-return]  # typed() made sure that it is a string


def bounded(body: Json, name: str, expected: str, low: float, high: float) -> Any:
    """Return a number between two bounds, or None; all of them may be null."""
    value = typed(body, name, expected, nullable=True)
    word = "integer" if expected == "integer" else "decimal"
    if value is not None and value < low:
        sentence = (
            f"{word} below minimum value. Expected a value >= {low}, but got {value} instead."
        )
        raise invalid(f"Invalid '{name}': {sentence}", name, f"{word}_below_min_value")
    if value is not None and value > high:
        sentence = (
            f"{word} above maximum value. Expected a value <= {high}, but got {value} instead."
        )
        raise invalid(f"Invalid '{name}': {sentence}", name, f"{word}_above_max_value")
    return value


def objects(
    body: Json, name: str, expected: str = "objects", prefix: str = "", *, nullable: bool = False
) -> list[Json]:
    """Return a list of objects; empty when it is absent, or null where that is allowed."""
    found: list[Json] = typed(body, name, expected, prefix, nullable=nullable) or []
    for index, one in enumerate(found):
        if not isinstance(one, dict):
            raise wrong_type(f"{prefix}{name}[{index}]", "object", one)
    return found


def metadata(body: Json) -> None:
    """Check the metadata map: at most sixteen short strings."""
    pairs = typed(body, "metadata", "metadata", nullable=True) or {}
    if len(pairs) > _MAX_PAIRS:
        message = (
            "Invalid 'metadata': too many properties. Expected an object with at most "
            f"{_MAX_PAIRS} properties, but got an object with {len(pairs)} properties instead."
        )
        raise invalid(message, "metadata", "object_above_max_properties")
    for name in pairs:
        if len(name) > _LONGEST_NAME:
            message = (
                f"Invalid property name in 'metadata': '{name[:3]}...{name[-3:]}' is too long. "
                f"Expected a string with maximum length {_LONGEST_NAME}, "
                f"but got a string with length {len(name)} instead."
            )
            raise invalid(message, f"metadata.{name}", "property_name_above_max_length")
        value = needed(pairs, name, "string", "metadata.")
        if len(value) > _LONGEST_VALUE:
            raise too_long(f"metadata.{name}", _LONGEST_VALUE, len(value))


def texts(body: Json, name: str, most: int) -> None:
    """Check a text, or a list of a few; null is neither, and allowed."""
    value = body.get(name)
    if value is None or isinstance(value, str):
        return
    if not isinstance(value, list):
        raise wrong_type(name, "string", value)
    if not value:
        raise empty_array(name)
    if len(value) > most:
        raise too_many(name, most, len(value))
    for index, one in enumerate(value):
        needed({f"{name}[{index}]": one}, f"{name}[{index}]", "string")


def short(body: Json, name: str, length: int) -> None:
    """Check a string's length; it may be null."""
    value = typed(body, name, "string", nullable=True)
    if value is not None and len(value) > length:
        raise too_long(name, length, len(value))
