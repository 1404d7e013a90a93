"""Check the ``input`` of a Responses request, item by item, and take up what it says."""

from __future__ import annotations

import re
from typing import Any

import orjson

from sandbox.openai.checks import chosen, needed, only, typed
from sandbox.openai.conversation import Conversation
from sandbox.openai.errors import invalid, missing, not_kept, wrong_type, wrong_value
from sandbox.openai.tokens import IMAGE_TOKENS, ITEM_TOKENS, count
from sandbox.wire import Json

ROLES = ("assistant", "system", "developer", "user")
_INPUT_PARTS = ("input_text", "input_image", "input_file")
_OUTPUT_PARTS = ("output_text", "refusal")
_PARTS = (*_INPUT_PARTS, *_OUTPUT_PARTS)
_TEXT_OR_ITEMS = "one of a string or array of input items"
_TEXT_OR_PARTS = "one of an array of objects or string"
_ITEM_TYPES = ("message", "function_call", "function_call_output", "reasoning", "item_reference")
_MESSAGE_FIELDS = ("type", "role", "content", "id", "status")
_PHASES = ("commentary", "final_answer")
_STATUSES = ("in_progress", "completed", "incomplete")
_CALL_FIELDS = (
    *("type", "id", "call_id", "name", "arguments", "status", "namespace", "caller", "async"),
)
_OUTPUT_FIELDS = ("type", "id", "call_id", "output", "status", "caller", "name", "namespace")
_REASONING_FIELDS = ("type", "id", "summary", "content", "encrypted_content", "status")
_FILE_FIELDS = (
    *("type", "file_data", "filename", "file_id", "file_url", "detail", "prompt_cache_breakpoint"),
)
_FUNCTION_NAME = re.compile(r"^[a-zA-Z0-9_-]+$")
_IMAGE_SCHEMES = ("data:image/", "http://", "https://")
_DETAILS = ("low", "high", "auto", "original")


class InputReader:
    """Reads the items of one request into a conversation."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._open_calls: dict[str, int] = {}
        self._answered: set[str] = set()
        self._ids: set[str] = set()

    def read(self, body: Json) -> None:
        """Read the whole input: a text or a list of items.

        Raises:
            ApiError: 400 for the first thing that the real API would refuse.
        """
        if "input" not in body:
            raise missing("input")
        value = body["input"]
        if not isinstance(value, str | list):
            raise wrong_type("input", _TEXT_OR_ITEMS, value)
        if not value:
            message = (
                "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' "
                "must be provided."
            )
            raise invalid(message, None, "missing_required_parameter")
        if isinstance(value, str):
            self._text("user", value)
            return
        for index, item in enumerate(value):
            self._item(item, f"input[{index}]")
        self._all_answered()

    def _item(self, item: Any, param: str) -> None:
        if not isinstance(item, dict):
            raise wrong_type(param, "an input item", item)
        self._conversation.tokens += ITEM_TOKENS
        only_names = "id" in item and item.keys() <= {"id", "type"} and item.get("type") is None
        kind = "item_reference" if only_names else item.get("type", "message")
        match kind:
            case "message":
                self._message(item, param)
            case "function_call":
                self._call(item, f"{param}.")
            case "function_call_output":
                self._output(item, f"{param}.")
            case "reasoning":
                self._thought(item, f"{param}.")
            case "item_reference":
                identity = needed(item, "id", "string", f"{param}.")
                raise not_kept(f"Item with id '{identity}' not found.", "input")
            case _:
                # The complaint leaves out what is no text.
                raise wrong_value(param, kind if isinstance(kind, str) else "", _ITEM_TYPES)

    def _thought(self, item: Json, prefix: str) -> None:
        only(item, _REASONING_FIELDS, prefix)
        needed(item, "id", "string", prefix)
        self._identity(item, "rs", prefix)
        typed(item, "encrypted_content", "string", prefix, nullable=True)
        typed(item, "content", "objects", prefix)
        chosen(item, "status", _STATUSES, prefix)
        for index, part in enumerate(needed(item, "summary", "array", prefix)):
            if not isinstance(part, dict):
                raise wrong_type(f"{prefix}summary[{index}]", "object", part)
            chosen(part, "type", ("summary_text",), f"{prefix}summary[{index}].")
            needed(part, "text", "string", f"{prefix}summary[{index}].")

    def _message(self, item: Json, param: str) -> None:
        role, prefix = item.get("role"), f"{param}."
        if role not in ROLES:
            raise wrong_value(param, role if isinstance(role, str) else "", ROLES)
        only(item, (*_MESSAGE_FIELDS, *(["phase"] if role == "assistant" else [])), prefix)
        self._identity(item, "msg", prefix)
        chosen(item, "status", _STATUSES, prefix)
        chosen(item, "phase", _PHASES, prefix, nullable=True)
        if "content" not in item:
            raise missing(f"{prefix}content")
        content = item["content"]
        if isinstance(content, str):
            self._text(role, content)
            return
        if not isinstance(content, list):
            raise wrong_type(f"{prefix}content", _TEXT_OR_PARTS, content)
        self._text(role, self._parts(content, role, f"{prefix}content"))

    def _parts(self, parts: list[Any], role: str, param: str) -> str:
        texts = [self._part(part, role, f"{param}[{index}]") for index, part in enumerate(parts)]
        return "\n".join(text for text in texts if text)

    def _part(self, part: Any, role: str, param: str) -> str:
        if not isinstance(part, dict):
            raise wrong_type(param, "object", part)
        prefix = f"{param}."
        kind = needed(part, "type", "string", prefix)
        supported = _OUTPUT_PARTS if role == "assistant" else _INPUT_PARTS
        if kind not in _PARTS:
            raise wrong_value(f"{prefix}type", kind, _PARTS)
        if kind not in supported:
            raise wrong_value(param, kind, supported)
        if role == "assistant":
            return _said(part, kind, prefix)
        typed(part, "prompt_cache_breakpoint", "object", prefix)
        if kind == "input_text":
            only(part, ("type", "text", "prompt_cache_breakpoint"), prefix)
            return str(needed(part, "text", "string", prefix))
        (self._image if kind == "input_image" else self._file)(part, prefix)
        return ""

    def _image(self, part: Json, prefix: str) -> None:
        names = ("type", "image_url", "file_id", "detail", "prompt_cache_breakpoint")
        only(part, names, prefix)
        check_image(part.get("image_url"), f"{prefix}image_url")
        chosen(part, "detail", _DETAILS, prefix)
        self._conversation.tokens += IMAGE_TOKENS

    def _file(self, part: Json, prefix: str) -> None:
        typed(part, "file_id", "string", prefix, nullable=True)
        for name in ("file_data", "file_url", "filename"):
            typed(part, name, "string", prefix)
        chosen(part, "detail", ("auto", "low", "high"), prefix)
        only(part, _FILE_FIELDS, prefix)
        self._conversation.tokens += IMAGE_TOKENS

    def _call(self, item: Json, prefix: str) -> None:
        only(item, _CALL_FIELDS, prefix)
        self._identity(item, "fc", prefix)
        call_id = needed(item, "call_id", "string", prefix)
        name = needed(item, "name", "string", prefix)
        arguments = needed(item, "arguments", "string", prefix)
        chosen(item, "status", _STATUSES, prefix)
        if not _FUNCTION_NAME.match(name):
            message = (
                f"Invalid '{prefix}name': string does not match pattern. "
                "Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
            )
            raise invalid(message, f"{prefix}name", "invalid_value")
        self._open_calls[call_id] = len(self._open_calls)
        self._conversation.tokens += count(name) + count(arguments)
        self._conversation.texts.append(arguments)

    def _output(self, item: Json, prefix: str) -> None:
        only(item, _OUTPUT_FIELDS, prefix)
        call_id = needed(item, "call_id", "string", prefix)
        chosen(item, "status", _STATUSES, prefix, nullable=True)
        if "output" not in item:
            raise missing(f"{prefix}output")
        output = item["output"]
        if isinstance(output, list):
            self._parts(output, "user", f"{prefix}output")
            output = orjson.dumps(output).decode()
        if not isinstance(output, str):
            raise wrong_type(f"{prefix}output", _TEXT_OR_PARTS, output)
        if call_id not in self._open_calls:
            message = f"No tool call found for function call output with call_id {call_id}."
            raise invalid(message, "input")
        self._answered.add(call_id)
        self._conversation.tokens += count(output)
        self._conversation.answered(output)

    def _all_answered(self) -> None:
        for call_id in self._open_calls:
            if call_id not in self._answered:
                raise invalid(f"No tool output found for function call {call_id}.", "input")

    def _identity(self, item: Json, expected: str, prefix: str) -> None:
        own = typed(item, "id", "string", prefix)
        if own is None:
            return
        if not own.startswith(expected):
            message = (
                f"Invalid '{prefix}id': '{own}'. Expected an ID that begins with '{expected}'."
            )
            raise invalid(message, f"{prefix}id", "invalid_value")
        if own in self._ids:
            message = (
                f"Duplicate item found with id {own}. "
                "Remove duplicate items from your input and try again."
            )
            raise invalid(message, "input")
        self._ids.add(own)

    def _text(self, role: str, text: str) -> None:
        self._conversation.tokens += count(text)
        self._conversation.said(role, text)


def _said(part: Json, kind: str, prefix: str) -> str:
    """Read what the model said before: its words, or why it said none."""
    if kind == "refusal":
        only(part, ("type", "refusal"), prefix)
        return str(needed(part, "refusal", "string", prefix))
    only(part, ("type", "text", "annotations", "logprobs"), prefix)
    for name in ("annotations", "logprobs"):
        typed(part, name, "objects", prefix)
    return str(needed(part, "text", "string", prefix))


def check_image(url: Any, param: str) -> None:
    """Check an image address: a data URI of an image, or http(s).

    Raises:
        ApiError: 400 for anything else.
    """
    if url is None:
        raise missing(param)
    if not isinstance(url, str):
        raise wrong_type(param, "string", url)
    if not url.startswith(_IMAGE_SCHEMES):
        message = (
            f"Invalid '{param}'. Expected a base64-encoded data URL with an image MIME type "
            "(e.g. 'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU='), or a valid URL."
        )
        raise invalid(message, param, "invalid_value")
