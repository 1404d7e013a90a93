"""JSON Schemas as strict tools have them: whether one is strict, and what does not fit it.

The subset is the one that OpenAI's strict mode takes: every object closed, every property
required, an optional value a union with null.
"""

import math
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
_WORDS = frozenset(
    {
        "type", "description", "properties", "required", "additionalProperties", "items", "enum",
        "anyOf", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems",
    }
)  # fmt: skip
_DEEPEST = 5


def closed(properties: dict[str, Schema]) -> Schema:
    """Make a strict object schema of these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def loose_ends(schema: Any, place: str = "schema", depth: int = 0) -> Iterator[str]:
    """Say what keeps a schema from being strict; nothing when it is."""
    if not isinstance(schema, dict) or depth > _DEEPEST:
        yield f"{place} must be a schema, at most {_DEEPEST} levels deep"
        return
    unknown = sorted(set(schema) - _WORDS)
    if unknown:
        yield f"{place} may not use {unknown[0]!r}"
    if depth == 0 and schema.get("type") != "object":
        yield f"{place} must describe an object"
    if not schema.keys() & {"type", "anyOf", "enum"}:
        yield f"{place} needs a type"
    for one in _types(schema):
        if one not in _TYPES:
            yield f"{place} has the unknown type {one!r}"
    yield from _loose_parts(schema, place, depth)


def _loose_parts(schema: Schema, place: str, depth: int) -> Iterator[str]:
    if "object" in _types(schema):
        properties = schema.get("properties")
        if not isinstance(properties, dict):
            yield f"{place} needs properties"
            return
        if schema.get("additionalProperties") is not False:
            yield f"{place} needs additionalProperties: false"
        if schema.get("required") != list(properties):
            yield f"{place} must require all its properties, in order"
        for name, part in properties.items():
            yield from loose_ends(part, f"{place}.{name}", depth + 1)
    if "array" in _types(schema):
        yield from loose_ends(schema.get("items"), f"{place}.items", depth + 1)
    options = schema.get("anyOf", [])
    for index, option in enumerate(options if isinstance(options, list) else [None]):
        yield from loose_ends(option, f"{place}.anyOf[{index}]", depth + 1)


def misfits(value: Any, schema: Schema, place: str = "arguments") -> Iterator[str]:
    """Say what of a value does not fit a strict schema; nothing when all does."""
    if "anyOf" in schema:
        if all(any(misfits(value, option, place)) for option in schema["anyOf"]):
            yield f"{place} fits none of its forms"
        return
    types = _types(schema)
    if types and not any(_is(value, one) for one in types):
        yield f"{place} must be {' or '.join(types)}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place} must be one of {', '.join(map(str, schema['enum']))}"
    yield from _out_of_bounds(value, schema, place)
    if isinstance(value, dict):
        yield from _misfit_members(value, schema, place)
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from misfits(item, schema.get("items", {}), f"{place}[{index}]")


def _misfit_members(value: Schema, schema: Schema, place: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{place}.{name} is missing"
    for name, member in value.items():
        if name in properties:
            yield from misfits(member, properties[name], f"{place}.{name}")
        else:
            yield f"{place} has no {name!r}"


def _out_of_bounds(value: Any, schema: Schema, place: str) -> Iterator[str]:
    size: float | None = None
    words = ("minimum", "maximum")
    if isinstance(value, str | list):
        size = len(value)
        words = ("minLength", "maxLength") if isinstance(value, str) else ("minItems", "maxItems")
    elif isinstance(value, int | float):
        size = value
    if size is not None and not (
        schema.get(words[0], -math.inf) <= size <= schema.get(words[1], math.inf)
    ):
        yield f"{place} is out of its bounds"


def _types(schema: Schema) -> list[str]:
    stated = schema.get("type", [])
    return [str(one) for one in (stated if isinstance(stated, list) else [stated])]


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES.get(kind, ()))
