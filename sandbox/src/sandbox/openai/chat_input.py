"""Check the ``messages`` of a Chat Completions request, and take up what they say."""

from __future__ import annotations

from typing import Any

from sandbox.openai.checks import chosen, needed, only, typed
from sandbox.openai.conversation import Conversation
from sandbox.openai.errors import empty_array, invalid, missing, wrong_type, wrong_value
from sandbox.openai.response_input import check_image
from sandbox.openai.tokens import IMAGE_TOKENS, ITEM_TOKENS, count
from sandbox.wire import Json

ROLES = ("system", "assistant", "user", "function", "tool", "developer")
_FIELDS = {
    "system": ("role", "content", "name"),
    "developer": ("role", "content", "name"),
    "user": ("role", "content", "name"),
    "function": ("role", "content", "name"),
    "tool": ("role", "content", "tool_call_id"),
    "assistant": (
        "role",
        "content",
        "name",
        "refusal",
        "audio",
        "tool_calls",
        "function_call",
        "annotations",
    ),
}
_PARTS = {
    "user": ("text", "image_url", "input_audio", "file"),
    "assistant": ("text", "refusal"),
}
_ONLY_TEXT = ("text",)
_TEXT_OR_PARTS = "one of a string or array of objects"
_INSTEAD_OF_CONTENT = ("tool_calls", "function_call", "refusal", "audio")
"""What an assistant's message may have and say nothing beside."""


class MessageReader:
    """Reads the messages of one request into a conversation."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._open: list[str] = []

    def read(self, body: Json) -> None:
        """Read all messages.

        Raises:
            ApiError: 400 for the first thing that the real API would refuse.
        """
        messages = needed(body, "messages", "objects")
        if not messages:
            raise empty_array("messages")
        for index, message in enumerate(messages):
            self._message(message, index)
        self._nothing_open()

    def _message(self, message: Any, index: int) -> None:
        if not isinstance(message, dict):
            raise wrong_type(f"messages[{index}]", "object", message)
        prefix = f"messages[{index}]."
        role = needed(message, "role", "string", prefix)
        if role not in ROLES:
            raise wrong_value(f"{prefix}role", role, ROLES)
        only(message, _FIELDS[role], prefix)
        typed(message, "name", "string", prefix)
        self._conversation.tokens += ITEM_TOKENS
        if role == "tool":
            self._tool(message, index)
            return
        self._nothing_open()
        text = self._content(message, role, index)
        self._conversation.tokens += count(text)
        self._conversation.said(role, text)
        if role == "function":
            needed(message, "name", "string", prefix)
        if role == "assistant":
            self._answer(message, prefix)

    def _answer(self, message: Json, prefix: str) -> None:
        typed(message, "refusal", "string", prefix, nullable=True)
        for name in ("audio", "function_call"):
            typed(message, name, "object", prefix, nullable=True)
        calls = typed(message, "tool_calls", "objects", prefix, nullable=True)
        if calls == []:
            raise empty_array(f"{prefix}tool_calls")
        for index, call in enumerate(calls or []):
            self._call(call, f"{prefix}tool_calls[{index}]")

    def _tool(self, message: Json, index: int) -> None:
        call_id = needed(message, "tool_call_id", "string", f"messages[{index}].")
        if call_id not in self._open:
            complaint = (
                "Invalid parameter: messages with role 'tool' must be a response to a preceeding "
                "message with 'tool_calls'."
            )
            # With a dot before the bracket, as its older checks write it.
            raise invalid(complaint, f"messages.[{index}].role")
        self._open.remove(call_id)
        text = self._content(message, "tool", index)
        self._conversation.tokens += count(text)
        self._conversation.answered(text)

    def _call(self, call: Any, param: str) -> None:
        if not isinstance(call, dict):
            raise wrong_type(param, "object", call)
        prefix = f"{param}."
        only(call, ("id", "type", "function"), prefix)
        call_id = needed(call, "id", "string", prefix)
        if needed(call, "type", "string", prefix) != "function":
            raise wrong_value(f"{prefix}type", call["type"], ("function",))
        function = needed(call, "function", "object", prefix)
        only(function, ("name", "arguments"), f"{prefix}function.")
        name = needed(function, "name", "string", f"{prefix}function.")
        arguments = needed(function, "arguments", "string", f"{prefix}function.")
        self._conversation.tokens += count(name) + count(arguments)
        self._conversation.texts.append(arguments)
        self._open.append(call_id)

    def _nothing_open(self) -> None:
        if self._open:
            listed = ", ".join(self._open)
            complaint = (
                "An assistant message with 'tool_calls' must be followed by tool messages "
                "responding to each 'tool_call_id'. The following tool_call_ids did not have "
                f"response messages: {listed}"
            )
            raise invalid(complaint, "messages")

    def _content(self, message: Json, role: str, index: int) -> str:
        content, param = message.get("content"), f"messages[{index}].content"
        if content is None:
            self._check_silent(message, role, index)
            return ""
        if isinstance(content, str):
            return content
        if not isinstance(content, list):
            raise wrong_type(param, _TEXT_OR_PARTS, content)
        supported = _PARTS.get(role, _ONLY_TEXT)
        texts = [
            self._part(part, supported, f"{param}[{place}]") for place, part in enumerate(content)
        ]
        return "\n".join(text for text in texts if text)

    def _check_silent(self, message: Json, role: str, index: int) -> None:
        if role == "developer":
            if "content" not in message:
                raise missing(f"messages[{index}].content")
            raise wrong_type(f"messages[{index}].content", _TEXT_OR_PARTS, None)
        instead = [message.get(name) for name in _INSTEAD_OF_CONTENT]
        if role != "assistant" or all(value is None for value in instead):
            complaint = "Invalid value for 'content': expected a string, got null."
            raise invalid(complaint, f"messages.[{index}].content")

    def _part(self, part: Any, supported: tuple[str, ...], param: str) -> str:
        if not isinstance(part, dict):
            raise wrong_type(param, "object", part)
        prefix = f"{param}."
        kind = needed(part, "type", "string", prefix)
        if kind not in supported:
            raise wrong_value(f"{prefix}type", kind, supported)
        only(part, ("type", kind, "prompt_cache_breakpoint"), prefix)
        typed(part, "prompt_cache_breakpoint", "object", prefix)
        if kind in {"text", "refusal"}:
            return str(needed(part, kind, "string", prefix))
        _check_block(kind, needed(part, kind, "object", prefix), f"{prefix}{kind}.")
        self._conversation.tokens += IMAGE_TOKENS
        return ""


def _check_block(kind: str, block: Json, prefix: str) -> None:
    match kind:
        case "image_url":
            only(block, ("url", "detail"), prefix)
            chosen(block, "detail", ("auto", "low", "high", "original"), prefix)
            check_image(block.get("url"), f"{prefix}url")
        case "input_audio":
            needed(block, "data", "string", prefix)
            needed(block, "format", "string", prefix)
            chosen(block, "format", ("wav", "mp3"), prefix)
            only(block, ("data", "format"), prefix)
        case _:
            for name in ("file_data", "file_id", "filename"):
                typed(block, name, "string", prefix)
            only(block, ("file_data", "file_id", "filename"), prefix)
