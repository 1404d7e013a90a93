"""The answer format a request asks for: text, any JSON, or a schema."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.openai.checks import chosen, needed, only, typed
from sandbox.openai.errors import invalid
from sandbox.openai.options import VERBOSITIES
from sandbox.openai.schemas import Place, check_loose, check_strict
from sandbox.openai.tools import check_name
from sandbox.wire import Json

_TYPES = ("text", "json_object", "json_schema")
_SCHEMA_FIELDS = ("name", "schema", "strict", "description")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The format: a schema, any object, or neither."""

    schema: Json | None = None
    json_mode: bool = False


def text_format(body: Json, spoken: str) -> Wanted:
    """Read ``text`` of a Responses request, whose input says `spoken`.

    Raises:
        ApiError: 400.
    """
    text = typed(body, "text", "object")
    if text is None:
        return Wanted()
    only(text, ("format", "verbosity"), "text.")
    chosen(text, "verbosity", VERBOSITIES, "text.", nullable=True)
    wanted = typed(text, "format", "object", "text.")
    if wanted is None:
        return Wanted()
    kind = _kind(wanted, "text.format")
    if kind == "json_schema":
        only(wanted, ("type", *_SCHEMA_FIELDS), "text.format.")
        return _schema(wanted, "text.format.", "invalid_json_schema")
    only(wanted, ("type",), "text.format.")
    if kind == "json_object" and "json" not in spoken.lower():
        message = (
            "Response input messages must contain the word 'json' in some form to use "
            "'text.format' of type 'json_object'."
        )
        raise invalid(message, "text.format")
    return Wanted(json_mode=kind == "json_object")


def response_format(body: Json, prompt: str) -> Wanted:
    """Read ``response_format`` of a Chat Completions request.

    Raises:
        ApiError: 400.
    """
    wanted = typed(body, "response_format", "object")
    if wanted is None:
        return Wanted()
    kind = _kind(wanted, "response_format")
    if kind == "json_schema":
        only(wanted, ("type", "json_schema"), "response_format.")
        block = needed(wanted, "json_schema", "object", "response_format.")
        only(block, _SCHEMA_FIELDS, "response_format.json_schema.")
        return _schema(block, "response_format.json_schema.", None)
    only(wanted, ("type",), "response_format.")
    if kind == "json_object" and "json" not in prompt.lower():
        message = (
            "'messages' must contain the word 'json' in some form, to use 'response_format' of "
            "type 'json_object'."
        )
        raise invalid(message, "response_format")
    return Wanted(json_mode=kind == "json_object")


def _kind(wanted: Json, param: str) -> str:
    needed(wanted, "type", "string", f"{param}.")
    return str(chosen(wanted, "type", _TYPES, f"{param}."))


def _schema(block: Json, prefix: str, code: str | None) -> Wanted:
    name = needed(block, "name", "string", prefix)
    check_name(name, f"{prefix}name")
    typed(block, "description", "string", prefix)
    schema = needed(block, "schema", "object", prefix)
    place = Place(f"response_format '{name}'", f"{prefix}schema", code or "invalid_json_schema")
    strict = typed(block, "strict", "boolean", prefix, nullable=True)
    (check_strict if strict else check_loose)(schema, place)
    return Wanted(schema)
