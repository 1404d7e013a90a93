"""Pieces of answers that servers write in more than one way."""

from collections.abc import Iterator
from typing import Any

import orjson

from agent_service.domain.model.texts import storable


def arguments_of(value: Any) -> str:
    """Give a call's arguments as JSON text; some servers send the object itself."""
    if isinstance(value, dict):
        return orjson.dumps(value).decode()
    return storable(str(value or ""))


def words_of(content: Any) -> str:
    """Give the text of a message: a text, or parts that hold some; what holds none is left out."""
    return content if isinstance(content, str) else "".join(_spoken(content))


def _spoken(parts: Any) -> Iterator[str]:
    for part in parts if isinstance(parts, list) else []:
        found = part.get("text") or part.get("refusal") if isinstance(part, dict) else part
        if isinstance(found, str):
            yield found


def refuses(content: Any) -> bool:
    """Whether a part of a message is a refusal."""
    parts = content if isinstance(content, list) else []
    return any(isinstance(part, dict) and part.get("refusal") for part in parts)
