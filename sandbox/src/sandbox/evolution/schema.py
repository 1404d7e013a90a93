"""Evolution's body validation: which fields a call needs, and the sentences it complains with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.evolution.errors import schema_error
from sandbox.wire import Json


@dataclass(frozen=True, slots=True)
class Field:
    """One property of a body.

    Attributes:
        kind: JSON type: string, integer, number, boolean, array or object.
        required: whether it must be present.
        filled: whether an empty string is refused too.
        among: the only values allowed, if restricted.
        says: the sentence used instead of the type complaint.
    """

    name: str
    kind: str
    required: bool = False
    filled: bool = False
    among: tuple[str, ...] = ()
    says: str | None = None


NUMBER = Field("number", "string", required=True, filled=True)
COMMON = (
    Field("delay", "integer", says="Enter a value in milliseconds"),
    Field("quoted", "object"),
    Field("linkPreview", "boolean"),
    Field("mentionsEveryOne", "boolean"),
    Field("mentioned", "array"),
)


def require(body: Any, *fields: Field) -> None:
    """Check a body.

    Raises:
        Refusal: 400 with every complaint, in the order of the fields.
    """
    if not isinstance(body, dict):
        raise schema_error(["instance is not of a type(s) object"])
    problems: list[str] | None = None
    for field in fields:
        if field.name in body:
            problem = _complaint(field, body[field.name])
        else:
            problem = f'instance requires property "{field.name}"' if field.required else None
        if problem is not None:
            problems = [*(problems or []), problem]
    if problems:
        raise schema_error(problems)


def nested(body: Json, name: str) -> Json:
    """Return a required object inside a body.

    Raises:
        Refusal: 400 when it is absent or no object.
    """
    require(body, Field(name, "object", required=True))
    value: Json = body[name]
    return value


def _complaint(field: Field, value: Any) -> str | None:
    if not _is_kind(value, field.kind):
        return field.says or f"{field.name} is not of a type(s) {field.kind}"
    if field.filled and not value:
        return f'The "{field.name}" cannot be empty'
    if field.among and value not in field.among:
        return f"{field.name} is not one of enum values: {','.join(field.among)}"
    return None


def _is_kind(value: Any, kind: str) -> bool:
    match kind:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "array":
            return isinstance(value, list)
        case _:
            return isinstance(value, dict)
