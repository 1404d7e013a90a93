"""Check the ``input`` of a Responses request, item by item, and take up what it says."""

from __future__ import annotations

import re
from typing import Any

import orjson

from sandbox.openai.checks import chosen, needed, only, typed
from sandbox.openai.conversation import Conversation
from sandbox.openai.errors import empty_array, invalid, missing, wrong_type, wrong_value
from sandbox.openai.tokens import IMAGE_TOKENS, ITEM_TOKENS, count
from sandbox.wire import Json

ROLES = ("assistant", "system", "developer", "user")
_INPUT_PARTS = ("input_text", "input_image", "input_file")
_OUTPUT_PARTS = ("output_text", "refusal")
_ITEM_TYPES = ("message", "function_call", "function_call_output", "reasoning", "item_reference")
_MESSAGE_FIELDS = ("type", "role", "content", "id", "status", "phase")
_CALL_FIELDS = ("type", "id", "call_id", "name", "arguments", "status", "namespace", "caller")
_OUTPUT_FIELDS = ("type", "id", "call_id", "output", "status", "caller")
_REASONING_FIELDS = ("type", "id", "summary", "content", "encrypted_content", "status")
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

    def read(self, value: Any) -> None:
        """Read the whole input: a text or a list of items.

        Raises:
            ApiError: 400 for the first thing that the real API would refuse.
        """
        if value is None:
            raise missing("input")
        if isinstance(value, str):
            if not value:
                message = "Invalid 'input': empty string. Expected a string with minimum length 1."
                raise invalid(message, "input", "empty_string")
            self._text("user", value)
            return
        if not isinstance(value, list):
            raise wrong_type("input", "array", value)
        if not value:
            raise empty_array("input")
        for index, item in enumerate(value):
            self._item(item, f"input[{index}]")
        self._all_answered()

    def _item(self, item: Any, param: str) -> None:
        if not isinstance(item, dict):
            raise wrong_type(param, "object", item)
        self._conversation.tokens += ITEM_TOKENS
        kind = item.get("type", "message")
        match kind:
            case "message":
                self._message(item, f"{param}.")
            case "function_call":
                self._call(item, f"{param}.")
            case "function_call_output":
                self._output(item, f"{param}.")
            case "reasoning":
                self._thought(item, f"{param}.")
            case "item_reference":
                message = f"Item with id '{item.get('id')}' not found."
                raise invalid(message, "input", None)
            case _:
                raise wrong_value(f"{param}.type", kind, _ITEM_TYPES)

    def _thought(self, item: Json, prefix: str) -> None:
        only(item, _REASONING_FIELDS, prefix)
        needed(item, "id", "string", prefix)
        self._identity(item, "rs", prefix)
        typed(item, "encrypted_content", "string", prefix)
        for index, part in enumerate(needed(item, "summary", "array", prefix)):
            if not isinstance(part, dict):
                raise wrong_type(f"{prefix}summary[{index}]", "object", part)
            chosen(part, "type", ("summary_text",), f"{prefix}summary[{index}].")
            needed(part, "text", "string", f"{prefix}summary[{index}].")

    def _message(self, item: Json, prefix: str) -> None:
        role = needed(item, "role", "string", prefix)
        if role not in ROLES:
            raise wrong_value(f"{prefix}role", role, ROLES)
        only(item, _MESSAGE_FIELDS, prefix)
        self._identity(item, "msg", prefix)
        content = item.get("content")
        if content is None:
            raise missing(f"{prefix}content")
        if isinstance(content, str):
            self._text(role, content)
            return
        if not isinstance(content, list):
            raise wrong_type(f"{prefix}content", "array", content)
        texts = [
            self._part(part, role, f"{prefix}content[{index}]")
            for index, part in enumerate(content)
        ]
        self._text(role, "\n".join(text for text in texts if text))

    def _part(self, part: Any, role: str, param: str) -> str:
        if not isinstance(part, dict):
            raise wrong_type(param, "object", part)
        kind = part.get("type")
        if kind is None:
            raise missing(f"{param}.type")
        supported = _OUTPUT_PARTS if role == "assistant" else _INPUT_PARTS
        if kind not in supported:
            raise wrong_value(f"{param}.type", kind, supported)
        prefix = f"{param}."
        match kind:
            case "input_text":
                only(part, ("type", "text"), prefix)
                return str(needed(part, "text", "string", prefix))
            case "output_text":
                only(part, ("type", "text", "annotations", "logprobs"), prefix)
                return str(needed(part, "text", "string", prefix))
            case "refusal":
                only(part, ("type", "refusal"), prefix)
                return str(needed(part, "refusal", "string", prefix))
            case "input_image":
                self._image(part, prefix)
            case _:
                only(part, ("type", "file_data", "filename", "file_id", "file_url"), prefix)
                self._conversation.tokens += IMAGE_TOKENS
        return ""

    def _image(self, part: Json, prefix: str) -> None:
        only(part, ("type", "image_url", "file_id", "detail"), prefix)
        check_image(part.get("image_url"), f"{prefix}image_url")
        detail = part.get("detail")
        if detail is not None and detail not in _DETAILS:
            raise wrong_value(f"{prefix}detail", detail, _DETAILS)
        self._conversation.tokens += IMAGE_TOKENS

    def _call(self, item: Json, prefix: str) -> None:
        only(item, _CALL_FIELDS, prefix)
        self._identity(item, "fc", prefix)
        call_id = needed(item, "call_id", "string", prefix)
        name = needed(item, "name", "string", prefix)
        arguments = needed(item, "arguments", "string", prefix)
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
        output = item.get("output")
        if output is None:
            raise missing(f"{prefix}output")
        if isinstance(output, list):
            output = orjson.dumps(output).decode()
        if not isinstance(output, str):
            raise wrong_type(f"{prefix}output", "string", output)
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
