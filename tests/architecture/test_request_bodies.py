"""What a caller misspells is refused, at every door: no body takes a field that it has not."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from common.contracts import SERVICES

ROOT = Path(__file__).parents[2]
OPEN = {
    # Evolution's own words, in which it may say more than we know.
    "/api/webhook/evolution",
    "/api/webhooks/inbound/{webhook_public_id}",
    # Merged into the tool that there is; ToolBody refuses what is unknown then.
    "/api/tools/{tool_id}",
}
_JSON = "application/json"


def bodies(service: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Give each order, the schema of its JSON body, and the schemas that it refers to."""
    document = json.loads((ROOT / f"docs/openapi/{service}.json").read_text("utf-8"))
    known = document["components"].get("schemas", {})
    for path, orders in document["paths"].items():
        for method, order in orders.items():
            body = order.get("requestBody", {}).get("content", {}).get(_JSON)
            if body is not None and path not in OPEN:
                yield f"{method} {path}", body["schema"], known


def lenient(
    schema: dict[str, Any], known: dict[str, Any], at: str, *, named: bool = True
) -> Iterator[str]:
    """Name the objects in a schema that take fields which they do not name.

    One that is `named` has to say its fields; inside of a body, an object may be free of them all.
    """
    is_form = schema.get("type") == "object" and (named or "properties" in schema)
    if is_form and schema.get("additionalProperties") is not False:
        yield at
    for step, part, is_named in parts(schema, known, named=named):
        yield from lenient(part, known, at + step, named=is_named)


def parts(
    schema: dict[str, Any], known: dict[str, Any], *, named: bool
) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Give what a schema is made of: the step to it, and whether it has to say its fields."""
    if "$ref" in schema:
        yield "", known[schema["$ref"].rpartition("/")[2]], True
    for way in ("anyOf", "oneOf", "allOf"):
        yield from ((f"|{n}", one, named) for n, one in enumerate(schema.get(way, [])))
    yield from ((f".{n}", field, False) for n, field in schema.get("properties", {}).items())
    for inner in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(inner, dict):
            yield "[]", inner, False


@pytest.mark.parametrize("service", SERVICES)
def test_no_body_takes_a_field_that_nobody_reads(service: str) -> None:
    found = [
        place for order, schema, known in bodies(service) for place in lenient(schema, known, order)
    ]
    assert not found, f'these need model_config = ConfigDict(extra="forbid"): {found}'


def test_the_open_bodies_are_still_there() -> None:
    paths: set[str] = set()
    for service in SERVICES:
        document = json.loads((ROOT / f"docs/openapi/{service}.json").read_text("utf-8"))
        paths |= {
            path for path, orders in document["paths"].items() if "requestBody" in str(orders)
        }
    assert paths >= OPEN


def test_a_lenient_body_is_seen_however_deep_it_lies() -> None:
    strict = {"type": "object", "additionalProperties": False}
    loose = {"type": "object", "properties": {"a": {"type": "string"}}}
    body = {
        **strict,
        "properties": {
            "one": {"anyOf": [{"$ref": "#/x/Loose"}, {"type": "null"}]},
            "many": {"type": "array", "items": {"$ref": "#/x/Loose"}},
            "free": {"type": "object", "additionalProperties": True},
        },
    }
    known = {"Loose": loose, "Strict": strict}
    assert list(lenient(body, known, "body")) == ["body.one|0", "body.many[]"]
    assert list(lenient({"$ref": "#/x/Loose"}, known, "body")) == ["body"]
    assert list(lenient({"type": "object", "additionalProperties": True}, known, "b")) == ["b"]
    assert list(lenient({"$ref": "#/x/Strict"}, known, "body")) == []
