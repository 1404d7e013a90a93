"""Checks of request fields, each raising OpenAI's own complaint."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox.openai.errors import (
    empty_array,
    invalid,
    missing,
    unknown_parameter,
    wrong_type,
    wrong_value,
)
from sandbox.wire import Json

_MAX_METADATA = 16
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def only(body: Json, allowed: Iterable[str], prefix: str = "") -> None:
    """Refuse the first field that is not allowed."""
    known = set(allowed)
    for name in body:
        if name not in known:
            raise unknown_parameter(f"{prefix}{name}")


def typed(body: Json, name: str, expected: str, prefix: str = "") -> Any:
    """Return a field of a type, or None when it is absent or null."""
    value = body.get(name)
    if value is None:
        return None
    is_bool = isinstance(value, bool)
    if not isinstance(value, _TYPES[expected]) or (is_bool and expected != "boolean"):
        raise wrong_type(f"{prefix}{name}", expected, value)
    return value


def needed(body: Json, name: str, expected: str, prefix: str = "") -> Any:
    """Return a required field of a type."""
    if body.get(name) is None:
        raise missing(f"{prefix}{name}")
    return typed(body, name, expected, prefix)


def chosen(body: Json, name: str, supported: tuple[str, ...], prefix: str = "") -> str | None:
    """Return a field that is one of a list, or None."""
    value = typed(body, name, "string", prefix)
    if value is not None and value not in supported:
        raise wrong_value(f"{prefix}{name}", value, supported)
    return value  # type: ignore[no-any-return]  # typed() made sure that it is a string


def bounded(body: Json, name: str, expected: str, low: float, high: float) -> Any:
    """Return a number between two bounds, or None."""
    value = typed(body, name, expected)
    word = "integer" if expected == "integer" else "decimal"
    if value is not None and value < low:
        raise _out_of_range(name, f"{word} below minimum value. Expected a value >= {low}", value)
    if value is not None and value > high:
        raise _out_of_range(name, f"{word} above maximum value. Expected a value <= {high}", value)
    return value


def metadata(body: Json) -> None:
    """Check the metadata map: at most sixteen string values."""
    pairs = typed(body, "metadata", "object") or {}
    if len(pairs) > _MAX_METADATA:
        message = f"Invalid 'metadata': too many properties. Expected at most {_MAX_METADATA}."
        raise invalid(message, "metadata", "object_above_max_properties")
    for name, value in pairs.items():
        if not isinstance(value, str):
            raise wrong_type(f"metadata.{name}", "string", value)


def texts(body: Json, name: str, most: int) -> None:
    """Check a text, or a list of a few."""
    value = body.get(name)
    if value is None or isinstance(value, str):
        return
    if not isinstance(value, list):
        raise wrong_type(name, "string", value)
    if not value:
        raise empty_array(name)
    if len(value) > most:
        message = f"Invalid '{name}': array too long. Expected at most {most}."
        raise invalid(message, name, "array_above_max_length")
    for index, one in enumerate(value):
        needed({f"{name}[{index}]": one}, f"{name}[{index}]", "string")


def short(body: Json, name: str, length: int) -> None:
    """Check a string's length."""
    value = typed(body, name, "string")
    if value is not None and len(value) > length:
        message = (
            f"Invalid '{name}': string too long. Expected a string with maximum length {length}, "
            f"but got a string with length {len(value)} instead."
        )
        raise invalid(message, name, "string_above_max_length")


def _out_of_range(name: str, sentence: str, value: float) -> Exception:
    code = "integer" if isinstance(value, int) else "decimal"
    bound = "below_min" if "below" in sentence else "above_max"
    return invalid(
        f"Invalid '{name}': {sentence}, but got {value} instead.", name, f"{code}_{bound}_value"
    )
