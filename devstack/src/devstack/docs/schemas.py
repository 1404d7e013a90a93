"""One JSON Schema (2020-12) per event; the files are also the baseline that must not break."""

import json
from collections.abc import Mapping
from typing import Any

from common.contracts import EVENTS, Event

FOLDER = "docs/events"
SUFFIX = ".schema.json"


def documents() -> Mapping[str, str]:
    """Give each event's schema as a file's content, by its path."""
    return {
        f"{FOLDER}/{name}{SUFFIX}": json.dumps(schema(event), indent=2, ensure_ascii=False) + "\n"
        for name, event in sorted(EVENTS.items())
    }


def schema(event: type[Event]) -> dict[str, Any]:
    """Describe the body of an event as readers may expect it: optional is what may be absent."""
    described = event.model_json_schema(mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:parley:event:{event.type}",
        "x-topic": event.topic.value,
        "x-key": event.key,
        **described,
    }
