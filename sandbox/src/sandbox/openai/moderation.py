"""POST /moderations: flags what carries one of the words the control door listed."""

from __future__ import annotations

from typing import Any

from sandbox.openai.checks import needed, only, typed
from sandbox.openai.errors import empty_array, missing, wrong_type, wrong_value
from sandbox.openai.response_input import check_image
from sandbox.openai.service import Ask
from sandbox.wire import Json, Reply, json_reply

CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
_SEES_IMAGES = frozenset(
    {
        "self-harm",
        "self-harm/instructions",
        "self-harm/intent",
        "sexual",
        "violence",
        "violence/graphic",
    }
)
_DEFAULT_MODEL = "omni-moderation-latest"


async def moderate(ask: Ask) -> Reply:
    """Judge texts and images; a list of texts gets one result each, a list of parts one."""
    body = ask.body
    only(body, ("input", "model"))
    model = ask.openai.catalog.find(typed(body, "model", "string") or _DEFAULT_MODEL, "moderation")
    results = [
        _result(text, ask.openai.flags, pictures=pictures)
        for text, pictures in _inputs(body.get("input"))
    ]
    answer = {"flagged": [result["flagged"] for result in results]}
    ask.openai.record(ask, model.name, answer, {})
    identity = f"modr-{ask.openai.ids.hexadecimal(128)}"
    return json_reply(200, {"id": identity, "model": model.name, "results": results})


def _inputs(value: Any) -> list[tuple[str, bool]]:
    if value is None:
        raise missing("input")
    if isinstance(value, str):
        return [(value, False)]
    if not isinstance(value, list):
        raise wrong_type("input", "array", value)
    if not value:
        raise empty_array("input")
    if all(isinstance(text, str) for text in value):
        return [(text, False) for text in value]
    parts = [_part(part, f"input[{index}]") for index, part in enumerate(value)]
    return [("\n".join(text for text, _ in parts), any(picture for _, picture in parts))]


def _part(part: Any, param: str) -> tuple[str, bool]:
    if not isinstance(part, dict):
        raise wrong_type(param, "object", part)
    match part.get("type"):
        case "text":
            only(part, ("type", "text"), f"{param}.")
            return str(needed(part, "text", "string", f"{param}.")), False
        case "image_url":
            only(part, ("type", "image_url"), f"{param}.")
            block = needed(part, "image_url", "object", f"{param}.")
            only(block, ("url",), f"{param}.image_url.")
            check_image(block.get("url"), f"{param}.image_url.url")
            return "", True
        case other:
            raise wrong_value(f"{param}.type", other, ("text", "image_url"))


def _result(text: str, flags: dict[str, str], *, pictures: bool) -> Json:
    said = text.lower()
    hit = {category for word, category in flags.items() if word.lower() in said}
    return {
        "flagged": bool(hit),
        "categories": {name: name in hit for name in CATEGORIES},
        "category_scores": {name: 0.98 if name in hit else 0.0001 for name in CATEGORIES},
        "category_applied_input_types": {
            name: ["text", "image"] if pictures and name in _SEES_IMAGES else ["text"]
            for name in CATEGORIES
        },
    }
