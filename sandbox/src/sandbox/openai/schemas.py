"""The rules that OpenAI's strict mode sets for JSON schemas, and an example for any schema."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.openai.errors import ApiError, invalid
from sandbox.wire import Json

_FORBIDDEN = (
    "allOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "default",
)
_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
_MAX_DEPTH = 10


@dataclass(frozen=True, slots=True)
class Place:
    """Where a schema stands in a request, for the complaint."""

    what: str
    param: str
    code: str

    def wrong(self, path: tuple[str, ...], sentence: str) -> ApiError:
        """Build the complaint about a place inside the schema."""
        trail = ", ".join(f"'{step}'" for step in path)
        trail = f"({trail},)" if len(path) == 1 else f"({trail})"
        message = f"Invalid schema for {self.what}: In context={trail}, {sentence}"
        return invalid(message, self.param, self.code)

    def malformed(self, value: Any, sentence: str) -> ApiError:
        """Build the complaint about a value that no JSON Schema has there."""
        return invalid(
            f"Invalid schema for {self.what}: {value!r} {sentence}.", self.param, self.code
        )


def check_strict(schema: Any, place: Place) -> None:
    """Check a schema for strict mode.

    Every object closes itself and requires all its properties; some keywords are refused.

    Raises:
        ApiError: 400 with the first problem.
    """
    _check_root(schema, place)
    _check(schema, (), place)
    for name, definition in _object(schema, "$defs", (), place).items():
        _check(definition, ("$defs", name), place)


def check_loose(schema: Any, place: Place) -> None:
    """Check a schema without strict mode: an object at the root, if there is one at all.

    Raises:
        ApiError: 400 with the first problem.
    """
    if schema is None or schema == {}:
        return
    _check_root(schema, place)


def _check_root(schema: Any, place: Place) -> None:
    if not isinstance(schema, dict) or schema.get("type") != "object":
        kind = schema.get("type") if isinstance(schema, dict) else None
        message = (
            f"Invalid schema for {place.what}: schema must be a JSON Schema of "
            f"'type: \"object\"', got 'type: \"{kind}\"'."
        )
        raise invalid(message, place.param, place.code)
    _check_shape(schema, (), place)
    if "properties" not in schema:
        raise place.wrong((), "object schema missing properties.")


def _check_shape(schema: Any, path: tuple[str, ...], place: Place) -> None:
    """Check what makes it a schema at all, in either mode."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise place.malformed(schema, "is not of type 'object', 'boolean'")
    _check_kinds(schema, place)
    kinds = schema.get("type", [])
    named = kinds if isinstance(kinds, list) else [kinds]
    if not all(kind in _TYPES for kind in named):
        raise place.malformed(kinds, "is not valid under any of the given schemas")
    if "array" in named and not schema.keys() & {"items", "prefixItems"}:
        raise place.wrong(path, "array schema missing items.")
    for step, part in _parts(schema):
        _check_shape(part, (*path, *step), place)


def _check_kinds(schema: Json, place: Place) -> None:
    for word in ("required", "enum", "anyOf", "oneOf", "allOf"):
        if not isinstance(schema.get(word, []), list):
            raise place.malformed(schema[word], "is not of type 'array'")
    for word in ("properties", "$defs"):
        if not isinstance(schema.get(word, {}), dict):
            raise place.malformed(schema[word], "is not of type 'object'")
    for name in schema.get("required", []):
        if not isinstance(name, str):
            raise place.malformed(name, "is not of type 'string'")


def _parts(schema: Json) -> Iterator[tuple[tuple[str, ...], Any]]:
    for word in ("properties", "$defs"):
        for name, part in schema.get(word, {}).items():
            yield (word, name), part
    for word in ("anyOf", "oneOf", "allOf"):
        for index, part in enumerate(schema.get(word, [])):
            yield (word, str(index)), part
    if "items" in schema:
        yield ("items",), schema["items"]


def example(schema: Any, text: str, root: Json | None = None, depth: int = 0) -> Any:
    """Return a value that fits a schema; strings become `text`, nonsense becomes None."""
    if depth > _MAX_DEPTH or not isinstance(schema, dict):
        return None
    root = schema if root is None else root
    inner = _resolve(str(schema["$ref"]), root) if "$ref" in schema else _first(schema, "anyOf")
    if inner is not None:
        return example(inner, text, root, depth + 1)
    if "const" in schema or _first(schema, "enum") is not None:
        return schema["const"] if "const" in schema else schema["enum"][0]
    kind = _first(schema, "type") or schema.get("type")
    properties = schema.get("properties")
    if kind == "object" and isinstance(properties, dict):
        return {name: example(part, text, root, depth + 1) for name, part in properties.items()}
    return _example_of(kind, schema, text)


def _first(schema: Json, name: str) -> Any:
    values = schema.get(name)
    return values[0] if isinstance(values, list) and values else None


def _example_of(kind: Any, schema: Json, text: str) -> Any:
    match kind:
        case "string":
            return _FORMATS.get(str(schema.get("format")), text)
        case "integer":
            return _minimum(schema)
        case "number":
            return float(_minimum(schema))
        case _:
            return {"boolean": False, "array": [], "object": {}}.get(str(kind))


def _minimum(schema: Json) -> float:
    least = schema.get("minimum", 0)
    return least if isinstance(least, int | float) else 0


_FORMATS = {
    "date": "2026-12-01",
    "date-time": "2026-12-01T10:00:00Z",
    "time": "10:00:00",
    "email": "ana@example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def _check(schema: Any, path: tuple[str, ...], place: Place) -> None:
    if not isinstance(schema, dict):
        return
    _check_words(schema, path, place)
    if schema.get("type") == "object" or "properties" in schema:
        _check_object(schema, path, place)
    if "items" in schema:
        _check(schema["items"], (*path, "items"), place)
    for index, option in enumerate(_array(schema, "anyOf", path, place)):
        _check(option, (*path, "anyOf", str(index)), place)


def _check_words(schema: Json, path: tuple[str, ...], place: Place) -> None:
    for word in _FORBIDDEN:
        if word in schema:
            raise place.wrong(path, f"'{word}' is not permitted.")
    if "$ref" in schema and len(schema) > 1:
        others = {name for name in schema if name != "$ref"}
        raise place.wrong(path, f"$ref cannot have keywords {others}.")
    if not schema.keys() & {"type", "$ref", "anyOf", "enum", "const"}:
        raise place.wrong(path, "schema must have a 'type' key.")


def _check_object(schema: Json, path: tuple[str, ...], place: Place) -> None:
    if schema.get("additionalProperties") is not False:
        sentence = "'additionalProperties' is required to be supplied and to be false."
        raise place.wrong(path, sentence)
    properties = _object(schema, "properties", path, place)
    required = _array(schema, "required", path, place)
    for name in properties:
        if name not in required:
            sentence = (
                "'required' is required to be supplied and to be an array including every key "
                f"in properties. Missing '{name}'."
            )
            raise place.wrong(path, sentence)
    for name in required:
        if name not in properties:
            raise place.wrong(path, f"'required' names '{name}', which is no property.")
    for name, part in properties.items():
        _check(part, (*path, "properties", name), place)


def _object(schema: Json, name: str, path: tuple[str, ...], place: Place) -> Json:
    value = schema.get(name, {})
    if not isinstance(value, dict):
        raise place.wrong(path, f"{value!r} is not of type 'object' ('{name}').")
    return value


def _array(schema: Json, name: str, path: tuple[str, ...], place: Place) -> list[Any]:
    value = schema.get(name, [])
    if not isinstance(value, list):
        raise place.wrong(path, f"{value!r} is not of type 'array' ('{name}').")
    return value


def _resolve(reference: str, root: Json) -> Json:
    value: Any = root
    for step in reference.removeprefix("#/").split("/"):
        value = value.get(step, {}) if isinstance(value, dict) else {}
    return value if isinstance(value, dict) else {}
