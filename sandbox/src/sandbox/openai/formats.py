"""The answer format a request asks for: text, any JSON, or a schema."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sandbox.openai.checks import chosen, needed, only, typed
from sandbox.openai.errors import invalid
from sandbox.openai.schemas import Place, check_loose, check_strict
from sandbox.wire import Json

_TYPES = ("text", "json_object", "json_schema")
_SCHEMA_FIELDS = ("name", "schema", "strict", "description")
_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The format: a schema, any object, or neither."""

    schema: Json | None = None
    json_mode: bool = False


def text_format(body: Json, prompt: str) -> Wanted:
    """Read ``text`` of a Responses request.

    Raises:
        ApiError: 400.
    """
    text = typed(body, "text", "object")
    if text is None:
        return Wanted()
    only(text, ("format", "verbosity"), "text.")
    chosen(text, "verbosity", ("low", "medium", "high"), "text.")
    wanted = typed(text, "format", "object", "text.")
    if wanted is None:
        return Wanted()
    kind = _kind(wanted, "text.format")
    if kind == "json_schema":
        only(wanted, ("type", *_SCHEMA_FIELDS), "text.format.")
        return _schema(wanted, "text.format.", "invalid_json_schema")
    only(wanted, ("type",), "text.format.")
    return _json_mode(kind, prompt, "text.format")


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
    return _json_mode(kind, prompt, "response_format")


def _kind(wanted: Json, param: str) -> str:
    needed(wanted, "type", "string", f"{param}.")
    return str(chosen(wanted, "type", _TYPES, f"{param}."))


def _schema(block: Json, prefix: str, code: str | None) -> Wanted:
    name = needed(block, "name", "string", prefix)
    if not _NAME.match(name):
        message = (
            f"Invalid '{prefix}name': string does not match pattern. "
            "Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
        )
        raise invalid(message, f"{prefix}name", "invalid_value")
    schema = needed(block, "schema", "object", prefix)
    place = Place(f"response_format '{name}'", f"{prefix}schema", code or "invalid_json_schema")
    (check_strict if typed(block, "strict", "boolean", prefix) else check_loose)(schema, place)
    return Wanted(schema)


def _json_mode(kind: str, prompt: str, param: str) -> Wanted:
    if kind == "json_object" and "json" not in prompt.lower():
        message = (
            f"'messages' must contain the word 'json' in some form, to use '{param}' of type "
            "'json_object'."
        )
        raise invalid(message, param)
    return Wanted(json_mode=kind == "json_object")
