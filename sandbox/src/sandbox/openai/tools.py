"""Tools and tool choice, in the flat shape of Responses and the nested one of Chat Completions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sandbox.openai.checks import needed, only, typed
from sandbox.openai.errors import invalid, missing, wrong_type, wrong_value
from sandbox.openai.schemas import Place, check_loose, check_strict
from sandbox.wire import Json

_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")
_MAX_TOOLS = 128
_MODES = ("none", "auto", "required")
_FUNCTION_FIELDS = ("name", "description", "parameters", "strict")


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
    for index, tool in enumerate(_listed(body)):
        prefix = f"tools[{index}]."
        _only_functions(tool, prefix)
        needed(tool, "name", "string", prefix)
        only(tool, ("type", *_FUNCTION_FIELDS), prefix)
        found.append(_function(tool, prefix))
    return tuple(found)


def nested_tools(body: Json) -> tuple[Tool, ...]:
    """Read the tools of a Chat Completions request.

    Raises:
        ApiError: 400; a flat tool misses its ``function`` here.
    """
    found = []
    for index, tool in enumerate(_listed(body)):
        prefix = f"tools[{index}]."
        _only_functions(tool, prefix)
        function = needed(tool, "function", "object", prefix)
        only(tool, ("type", "function"), prefix)
        prefix = f"{prefix}function."
        needed(function, "name", "string", prefix)
        only(function, _FUNCTION_FIELDS, prefix)
        found.append(_function(function, prefix))
    return tuple(found)


def tool_choice(body: Json, tools: tuple[Tool, ...], *, nested: bool) -> Choice:
    """Read the tool choice.

    Raises:
        ApiError: 400 when it is unknown, or names a tool that is not there.
    """
    choice = body.get("tool_choice")
    if choice is None:
        return Choice()
    if isinstance(choice, str):
        return _mode(choice, tools)
    if not isinstance(choice, dict):
        raise wrong_type("tool_choice", "object", choice)
    if choice.get("type") == "allowed_tools":
        return _mode(str(choice.get("mode", "auto")), tools)
    if choice.get("type") != "function":
        raise wrong_value("tool_choice.type", choice.get("type"), ("function", "allowed_tools"))
    holder = choice
    prefix = "tool_choice."
    if nested:
        holder = needed(choice, "function", "object", prefix)
        prefix = "tool_choice.function."
    name = needed(holder, "name", "string", prefix)
    if name not in {tool.name for tool in tools}:
        message = f"Tool choice '{name}' not found in 'tools' parameter."
        raise invalid(message, "tool_choice", "invalid_value")
    return Choice("required", name)


def _mode(mode: str, tools: tuple[Tool, ...]) -> Choice:
    if mode not in _MODES:
        raise wrong_value("tool_choice", mode, _MODES)
    if mode == "required" and not tools:
        message = "Tool choice 'required' must be specified with 'tools' parameter."
        raise invalid(message, "tool_choice", "invalid_value")
    return Choice(mode)


def _listed(body: Json) -> list[Any]:
    tools: list[Any] = typed(body, "tools", "array") or []
    if len(tools) > _MAX_TOOLS:
        message = f"Invalid 'tools': array too long. Expected at most {_MAX_TOOLS}."
        raise invalid(message, "tools", "array_above_max_length")
    for index, tool in enumerate(tools):
        if not isinstance(tool, dict):
            raise wrong_type(f"tools[{index}]", "object", tool)
    return tools


def _only_functions(tool: Json, prefix: str) -> None:
    if tool.get("type") is None:
        raise missing(f"{prefix}type")
    if tool["type"] != "function":
        # Hosted tools (search, code) exist at OpenAI; nobody here may come to rely on them.
        raise wrong_value(f"{prefix}type", tool["type"], ("function",))


def _function(function: Json, prefix: str) -> Tool:
    name = function["name"]
    if not _NAME.match(name):
        message = (
            f"Invalid '{prefix}name': string does not match pattern. "
            "Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
        )
        raise invalid(message, f"{prefix}name", "invalid_value")
    typed(function, "description", "string", prefix)
    parameters = typed(function, "parameters", "object", prefix)
    strict = bool(typed(function, "strict", "boolean", prefix))
    place = Place(f"function '{name}'", f"{prefix}parameters", "invalid_function_parameters")
    (check_strict if strict else check_loose)(parameters, place)
    return Tool(name, parameters or {}, strict)
