"""Evolution's body validation: which fields a call needs, and the sentences it complains with.

Source: the JSON Schemas in Evolution 2.3.7's `src/validate`, as its validator (jsonschema) reads
them: a property that no schema names is accepted whatever it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sized
from dataclasses import dataclass, replace
from typing import Any

from sandbox.evolution.errors import schema_error
from sandbox.wire import Json


@dataclass(frozen=True, slots=True)
class Field:
    """One property of a body.

    Attributes:
        kind: JSON type: string, integer, number, boolean, array or object.
        required: whether it must be present.
        among: the only values allowed, if restricted.
        shape: what an object, or each object of an array, consists of.
        of: the type of an array's items.
        span: the fewest and the most: letters, items, or the number itself.
        distinct: whether no two items may be the same.
        pattern: what must be found in a string.
        filled: names that may not be empty in an object that has no others.
        alone: names beside which there may be no others, or the shape is not looked at.
        says: the sentence used instead of any other.
    """

    name: str
    kind: str
    required: bool = False
    among: tuple[str, ...] = ()
    shape: tuple[Field, ...] = ()
    of: str | None = None
    span: tuple[int, int | None] = (0, None)
    distinct: bool = False
    pattern: str | None = None
    filled: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()
    says: str | None = None


NUMBER = Field("number", "string", required=True, says="Invalid format")
KEY = (
    Field("id", "string", required=True),
    Field("remoteJid", "string", required=True),
    Field("fromMe", "boolean", required=True),
)
PRESENCES = ("unavailable", "available", "composing", "recording", "paused")
_QUOTED_KEY = tuple(replace(field, required=field.name == "id") for field in KEY)
COMMON = (
    Field("delay", "integer", says="Enter a value in milliseconds"),
    Field(
        "quoted",
        "any",
        shape=(
            Field("key", "object", shape=_QUOTED_KEY, filled=("id",)),
            Field("message", "object"),
        ),
    ),
    Field("linkPreview", "boolean"),
    Field("everyOne", "boolean"),
    Field(
        "mentioned",
        "array",
        of="string",
        span=(1, None),
        distinct=True,
        pattern=r"^\d+",
        says='"mentioned" must be an array of numeric strings',
    ),
)


def require(body: Any, *fields: Field, filled: tuple[str, ...] = ()) -> None:
    """Check a body.

    Raises:
        Refusal: 400 with every complaint, in the order of the fields.
    """
    whole = Field("instance", "object", shape=fields, filled=filled)
    problems = [_said(*complaint) for complaint in _complaints(whole, body, "instance")]
    if problems:
        raise schema_error(problems)


_TYPES: dict[str, Any] = {
    "string": str,
    "number": int | float,
    "boolean": bool,
    "array": list,
    "object": dict,
    "any": object,
}
_Complaint = tuple[str, str, str | None]
"""Where, what, and the sentence that is said instead."""


def _said(path: str, problem: str, instead: str | None) -> str:
    return instead or f"{path} {problem}".replace("instance.", "", 1)


def _complaints(field: Field, value: Any, path: str) -> Iterator[_Complaint]:
    if not _is_kind(value, field.kind):
        # What a list says is about its items.
        says = None if field.kind == "array" else field.says
        yield path, f"is not of a type(s) {field.kind}", says
        return
    if isinstance(value, list):
        yield from _items(field, value, path)
        return
    if field.among and value not in field.among:
        yield path, f"is not one of enum values: {','.join(field.among)}", field.says
    for problem in _measured(field, value):
        yield path, problem, field.says
    if isinstance(value, dict):
        yield from _properties(field, value, path)


def _properties(field: Field, value: Json, path: str) -> Iterator[_Complaint]:
    shape = field.shape if not field.alone or set(value) <= set(field.alone) else ()
    for part in shape:
        if part.name in value:
            yield from _complaints(part, value[part.name], f"{path}.{part.name}")
        elif part.required:
            yield path, f'requires property "{part.name}"', None
    if set(value) <= set(field.filled):
        for name in field.filled:
            if value.get(name) == "":
                yield path, "", f'The "{name}" cannot be empty'


def _items(field: Field, value: list[Any], path: str) -> Iterator[_Complaint]:
    for problem in _length(field.span, value):
        yield path, problem, None
    if field.distinct and any(one in value[:place] for place, one in enumerate(value)):
        yield path, "contains duplicate item", None
    kind = field.of or ("object" if field.shape else "any")
    item = replace(field, kind=kind, span=(0, None), distinct=False)
    for place, one in enumerate(value):
        yield from _complaints(item, one, f"{path}[{place}]")


def _measured(field: Field, value: Any) -> Iterator[str]:
    least, most = field.span
    if isinstance(value, str):
        yield from _length(field.span, value)
        if field.pattern and not re.search(field.pattern, value):
            yield f'does not match pattern "{field.pattern}"'
    elif most is not None and field.kind == "integer":
        if value < least:
            yield f"must be greater than or equal to {least}"
        if value > most:
            yield f"must be less than or equal to {most}"


def _length(span: tuple[int, int | None], value: Sized) -> Iterator[str]:
    least, most = span
    if len(value) < least:
        yield f"does not meet minimum length of {least}"
    if most is not None and len(value) > most:
        yield f"does not meet maximum length of {most}"


def _is_kind(value: Any, kind: str) -> bool:
    if kind == "integer":
        # As in JavaScript, 5.0 is one.
        return _is_kind(value, "number") and float(value).is_integer()
    if isinstance(value, bool):
        return kind in {"boolean", "any"}
    return isinstance(value, _TYPES[kind])
