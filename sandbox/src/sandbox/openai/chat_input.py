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


class MessageReader:
    """Reads the messages of one request into a conversation."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._open: list[str] = []

    def read(self, messages: Any) -> None:
        """Read all messages.

        Raises:
            ApiError: 400 for the first thing that the real API would refuse.
        """
        if messages is None:
            raise missing("messages")
        if not isinstance(messages, list):
            raise wrong_type("messages", "array", messages)
        if not messages:
            raise empty_array("messages")
        for index, message in enumerate(messages):
            self._message(message, f"messages[{index}]")
        self._nothing_open()

    def _message(self, message: Any, param: str) -> None:
        if not isinstance(message, dict):
            raise wrong_type(param, "object", message)
        prefix = f"{param}."
        role = needed(message, "role", "string", prefix)
        if role not in ROLES:
            raise wrong_value(f"{prefix}role", role, ROLES)
        only(message, _FIELDS[role], prefix)
        typed(message, "name", "string", prefix)
        self._conversation.tokens += ITEM_TOKENS
        if role == "tool":
            self._tool(message, param)
            return
        self._nothing_open()
        calls = typed(message, "tool_calls", "array", prefix) or []
        text = self._content(message, role, prefix, optional=bool(calls or message.get("refusal")))
        self._conversation.tokens += count(text)
        self._conversation.said(role, text)
        for index, call in enumerate(calls):
            self._call(call, f"{prefix}tool_calls[{index}]")

    def _tool(self, message: Json, param: str) -> None:
        call_id = needed(message, "tool_call_id", "string", f"{param}.")
        if call_id not in self._open:
            complaint = (
                "Invalid parameter: messages with role 'tool' must be a response to a preceeding "
                "message with 'tool_calls'."
            )
            raise invalid(complaint, f"{param}.role")
        self._open.remove(call_id)
        text = self._content(message, "tool", f"{param}.", optional=False)
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

    def _content(self, message: Json, role: str, prefix: str, *, optional: bool) -> str:
        content = message.get("content")
        if content is None:
            if optional:
                return ""
            complaint = (
                f"Invalid value for 'content': expected a string, got null ({prefix}content)."
            )
            raise invalid(complaint, f"{prefix}content")
        if isinstance(content, str):
            return content
        if not isinstance(content, list):
            raise wrong_type(f"{prefix}content", "array", content)
        if not content:
            raise empty_array(f"{prefix}content")
        supported = _PARTS.get(role, _ONLY_TEXT)
        texts = [
            self._part(part, supported, f"{prefix}content[{index}]")
            for index, part in enumerate(content)
        ]
        return "\n".join(text for text in texts if text)

    def _part(self, part: Any, supported: tuple[str, ...], param: str) -> str:
        if not isinstance(part, dict):
            raise wrong_type(param, "object", part)
        kind = part.get("type")
        if kind not in supported:
            raise wrong_value(f"{param}.type", kind, supported)
        prefix = f"{param}."
        only(part, ("type", str(kind)), prefix)
        if kind in {"text", "refusal"}:
            return str(needed(part, str(kind), "string", prefix))
        block = needed(part, str(kind), "object", prefix)
        if kind == "image_url":
            only(block, ("url", "detail"), f"{prefix}image_url.")
            chosen(block, "detail", ("auto", "low", "high"), f"{prefix}image_url.")
            check_image(block.get("url"), f"{prefix}image_url.url")
        self._conversation.tokens += IMAGE_TOKENS
        return ""
