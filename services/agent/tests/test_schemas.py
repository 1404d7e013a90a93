"""Strict JSON Schemas: what keeps one from being strict, and what does not fit it."""

from typing import Any

import pytest

from agent_service.domain.model import ToolCall, ToolSpec
from agent_service.domain.model.schemas import closed, loose_ends, misfits
from agent_service.domain.model.tools import BadArguments, canonical, read_arguments

STRICT = closed(
    {
        "day": {"type": "string", "minLength": 1, "maxLength": 10},
        "guests": {"type": "integer", "minimum": 1, "maximum": 8},
        "size": {"enum": ["small", "large"]},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
    }
)
GOOD = {"day": "2026-12-01", "guests": 2, "size": "small", "note": None, "tags": ["a"]}


def test_a_strict_schema_has_no_loose_ends_and_takes_what_fits() -> None:
    assert list(loose_ends(STRICT)) == []
    assert list(misfits(GOOD, STRICT)) == []
    assert list(loose_ends(closed({}))) == []


@pytest.mark.parametrize(
    ("schema", "end"),
    [
        ("text", "must be a schema"),
        ({"type": "string"}, "must describe an object"),
        ({"type": "object", "properties": {}, "required": []}, "additionalProperties"),
        ({**closed({"a": {"type": "string"}}), "required": []}, "must require all"),
        (closed({"a": {}}), "schema.a needs a type"),
        (closed({"a": {"type": "date"}}), "unknown type 'date'"),
        (closed({"a": {"type": "string", "pattern": "(a+)+"}}), "may not use 'pattern'"),
        (closed({"a": {"type": "array"}}), "schema.a.items"),
        (closed({"a": {"type": "object"}}), "schema.a needs properties"),
        (closed({"a": {"anyOf": [{}]}}), "schema.a.anyOf[0] needs a type"),
        ({**closed({}), "$ref": "#"}, "may not use '$ref'"),
    ],
)
def test_every_loose_end_is_named(schema: Any, end: str) -> None:
    assert any(end in one for one in loose_ends(schema))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"day": 7}, "arguments.day must be string"),
        ({"day": ""}, "arguments.day is out of its bounds"),
        ({"guests": 9}, "arguments.guests is out of its bounds"),
        ({"guests": True}, "arguments.guests must be integer"),
        ({"guests": 2.5}, "arguments.guests must be integer"),
        ({"size": "huge"}, "arguments.size must be one of small, large"),
        ({"note": 1}, "arguments.note fits none of its forms"),
        ({"tags": ["a", 2]}, "arguments.tags[1] must be string"),
        ({"tags": ["a", "b", "c"]}, "arguments.tags is out of its bounds"),
        ({"tenant_id": "ten_x"}, "arguments has no 'tenant_id'"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, Any], fault: str) -> None:
    assert list(misfits({**GOOD, **changes}, STRICT)) == [fault]


def test_arguments_are_read_or_refused_with_a_sentence_for_the_model() -> None:
    spec = ToolSpec("book", "Book.", closed({"day": {"type": "string"}}))
    assert read_arguments(ToolCall("1", "book", '{"day": "x"}'), spec) == {"day": "x"}
    with pytest.raises(BadArguments, match="not JSON"):
        read_arguments(ToolCall("1", "book", "day=x"), spec)
    with pytest.raises(BadArguments, match=r"arguments\.day is missing\."):
        read_arguments(ToolCall("1", "book", "{}"), spec)


def test_equal_calls_are_equal_texts() -> None:
    assert canonical('{"b": 1, "a": 2}') == canonical('{"a":2,"b":1}')
    assert canonical("{broken") == "{broken"
