"""Tools and tool choice, in the flat shape of Responses and the nested one of Chat Completions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sandbox.openai.checks import chosen, needed, objects, only, typed
from sandbox.openai.errors import (
    empty_array,
    empty_string,
    invalid,
    too_long,
    too_many,
    wrong_type,
    wrong_value,
)
from sandbox.openai.schemas import Place, check_loose, check_strict
from sandbox.wire import Json

_NAME = re.compile(r"^[a-zA-Z0-9_-]+$")
_LONGEST_NAME = 64
_MAX_TOOLS = 128
_MODES = ("none", "auto", "required")
_FUNCTION_FIELDS = ("name", "description", "parameters", "strict")
_FLAT_FIELDS = (
    "type",
    *_FUNCTION_FIELDS,
    "allowed_callers",
    "async",
    "defer_loading",
    "output_schema",
)
_ANY_CHOICE = {
    False: "one of an object or 'none', 'auto', or 'required'",
    True: "one of one of 'none', 'auto', or 'required' or object",
}


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call."""

    name: str
    parameters: Json
    strict: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """Which tools the model must or may call.

    Attributes:
        mode: none, auto or required.
        name: the one function it has to call.
    """

    mode: str = "auto"
    name: str | None = None


def flat_tools(body: Json) -> tuple[Tool, ...]:
    """Read the tools of a Responses request.

    Raises:
        ApiError: 400; a nested tool misses its name here.
    """
    found = []
    for index, tool in enumerate(_listed(body, "tools")):
        prefix = f"tools[{index}]."
        _only_functions(tool, prefix)
        needed(tool, "name", "string", prefix)
        only(tool, _FLAT_FIELDS, prefix)
        found.append(_function(tool, prefix, nullable=True))
    return tuple(found)


def nested_tools(body: Json) -> tuple[Tool, ...]:
    """Read the tools of a Chat Completions request.

    Raises:
        ApiError: 400; a flat tool misses its ``function`` here.
    """
    found = []
    listed = _listed(body, "objects")
    if not listed and "tools" in body:
        raise empty_array("tools")
    for index, tool in enumerate(listed):
        prefix = f"tools[{index}]."
        _only_functions(tool, prefix)
        function = needed(tool, "function", "object", prefix)
        only(tool, ("type", "function"), prefix)
        prefix = f"{prefix}function."
        needed(function, "name", "string", prefix)
        only(function, _FUNCTION_FIELDS, prefix)
        found.append(_function(function, prefix, nullable=False))
    return tuple(found)


def tool_choice(body: Json, tools: tuple[Tool, ...], *, nested: bool) -> Choice:
    """Read the tool choice.

    Raises:
        ApiError: 400 when it is unknown, or names a tool that is not there.
    """
    if "tool_choice" not in body:
        return Choice()
    choice = body["tool_choice"]
    if isinstance(choice, str):
        return _mode(choice, tools)
    if not isinstance(choice, dict):
        raise wrong_type("tool_choice", _ANY_CHOICE[nested], choice)
    kind = needed(choice, "type", "string", "tool_choice.")
    if kind == "allowed_tools":
        return _allowed(choice, tools, nested=nested)
    if kind != "function":
        raise wrong_value("tool_choice.type", kind, ("function", "allowed_tools"))
    name = _named(choice, "tool_choice.", nested=nested)
    if name not in {tool.name for tool in tools}:
        message = f"Tool choice '{name}' not found in 'tools' parameter."
        raise invalid(message, "tool_choice", "invalid_value")
    return Choice("required", name)


def _named(choice: Json, prefix: str, *, nested: bool) -> str:
    if nested:
        choice = needed(choice, "function", "object", prefix)
        prefix = f"{prefix}function."
    name: str = needed(choice, "name", "string", prefix)
    only(choice, ("name",) if nested else ("type", "name"), prefix)
    return name


def _allowed(choice: Json, tools: tuple[Tool, ...], *, nested: bool) -> Choice:
    prefix = "tool_choice."
    if nested:
        choice = needed(choice, "allowed_tools", "object", prefix)
        prefix = "tool_choice.allowed_tools."
    needed(choice, "mode", "string", prefix)
    mode = chosen(choice, "mode", ("auto", "required"), prefix)
    needed(choice, "tools", "objects", prefix)
    for index, tool in enumerate(objects(choice, "tools", prefix=prefix)):
        _named(tool, f"{prefix}tools[{index}].", nested=nested)
    return _mode(str(mode), tools)


def _mode(mode: str, tools: tuple[Tool, ...]) -> Choice:
    if mode not in _MODES:
        raise wrong_value("tool_choice", mode, _MODES)
    if mode == "required" and not tools:
        message = "Tool choice 'required' must be specified with 'tools' parameter."
        raise invalid(message, "tool_choice", "invalid_value")
    return Choice(mode)


def _listed(body: Json, expected: str) -> list[Json]:
    tools = objects(body, "tools", expected)
    if len(tools) > _MAX_TOOLS:
        raise too_many("tools", _MAX_TOOLS, len(tools))
    return tools


def _only_functions(tool: Json, prefix: str) -> None:
    kind = needed(tool, "type", "string", prefix)
    if kind != "function":
        # Hosted tools (search, code) exist at OpenAI; nobody here may come to rely on them.
        raise wrong_value(f"{prefix}type", kind, ("function",))


def check_name(name: str, param: str) -> None:
    """Check the name of a function or a format.

    Raises:
        ApiError: 400.
    """
    if not name:
        raise empty_string(param)
    if len(name) > _LONGEST_NAME:
        raise too_long(param, _LONGEST_NAME, len(name))
    if not _NAME.match(name):
        message = (
            f"Invalid '{param}': string does not match pattern. "
            "Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
        )
        raise invalid(message, param, "invalid_value")


def _function(function: Json, prefix: str, *, nullable: bool) -> Tool:
    name = function["name"]
    check_name(name, f"{prefix}name")
    typed(function, "description", "string", prefix, nullable=nullable)
    parameters = typed(function, "parameters", "object", prefix, nullable=nullable)
    strict = bool(typed(function, "strict", "boolean", prefix, nullable=True))
    place = Place(f"function '{name}'", f"{prefix}parameters", "invalid_function_parameters")
    (check_strict if strict else check_loose)(parameters, place)
    return Tool(name, parameters or {}, strict)
