"""A contract may grow optional fields, and nothing else."""

from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, create_model

from common.contracts import EVENTS
from devstack.docs import schemas
from devstack.docs.compatibility import broken_contracts, faults


class Part(BaseModel):
    size: int
    note: str | None = None


class Piece(Part):
    """The same under another name."""


class Coloured(Part):
    hue: int = 0


class Painted(Part):
    colour: str


class Thing(BaseModel):
    id: str
    kind: Literal["a", "b"] = "a"
    parts: tuple[Part, ...] = ()
    part: Part | None = None


def schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def changed(**fields: Any) -> dict[str, Any]:
    """Give the schema of Thing with some fields defined anew."""
    return schema(create_model("Thing", __base__=Thing, **fields))


OLD = schema(Thing)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"colour": (str, ...)}, "colour is new and required"),
        ({"id": (int, ...)}, "id: type was 'string' and is 'integer'"),
        ({"id": (str, "x")}, "id may now be absent"),
        ({"kind": (Literal["a", "b"], ...)}, "kind is now required"),
        ({"kind": (Literal["a"], "a")}, "kind: "),
        ({"kind": (Literal["a", "b", "c"], "a")}, "kind: enum"),
        ({"id": (str, Field(max_length=3))}, "id: maxLength was None and is 3"),
        ({"kind": (Literal["a", "b"], "b")}, "kind: default was 'a' and is 'b'"),
        ({"part": (Part, ...)}, "part is now required"),
        ({"parts": (tuple[str, ...], ())}, "parts[]: "),
    ],
)
def test_a_breaking_change_is_named(fields: dict[str, Any], fault: str) -> None:
    assert any(found.startswith(fault) for found in faults(OLD, changed(**fields)))


def test_a_field_that_is_gone_is_named() -> None:
    without = {**OLD, "properties": {"id": OLD["properties"]["id"]}}
    assert "kind is gone" in faults(OLD, without)


def test_a_change_deep_inside_is_named_with_its_path() -> None:
    new = changed(parts=(tuple[Painted, ...], ()), part=(Painted | None, None))
    assert faults(OLD, new) == [
        "parts[].colour is new and required",
        "part.colour is new and required",
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"colour": (str | None, None)},
        {"id": (str, Field(description="Other words."))},
        {"parts": (tuple[Piece, ...], ())},
        {"parts": (tuple[Coloured, ...], ())},
    ],
)
def test_optional_fields_new_words_and_renamed_models_break_nothing(
    fields: dict[str, Any],
) -> None:
    assert faults(OLD, changed(**fields)) == []


class Tree(BaseModel):
    below: tuple["Tree", ...] = ()


def test_a_model_that_contains_itself_is_compared_too() -> None:
    assert faults(schema(Tree), schema(Tree)) == []


@pytest.fixture
def baseline(tmp_path: Path) -> Path:
    """A clone whose checked-in schemas are those of today."""
    for name, content in schemas.documents().items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return tmp_path


def test_the_contracts_of_today_keep_those_of_today(baseline: Path) -> None:
    assert broken_contracts(baseline) == []


def test_an_event_that_is_gone_is_named(baseline: Path) -> None:
    (baseline / "docs/events/old.thing.happened.schema.json").write_text("{}")
    assert broken_contracts(baseline) == ["old.thing.happened: the event is gone"]


def test_a_field_that_the_baseline_promised_is_missed(baseline: Path) -> None:
    path = baseline / "docs/events/whatsapp.message.sent.schema.json"
    promised = path.read_text().replace('"properties": {', '"properties": {"colour": {},', 1)
    path.write_text(promised)
    [fault] = broken_contracts(baseline)
    assert fault == "whatsapp.message.sent: colour is gone"


def test_every_schema_says_where_the_event_travels() -> None:
    for name, event in EVENTS.items():
        described = schemas.schema(event)
        assert described["$schema"].endswith("2020-12/schema")
        assert described["$id"] == f"urn:parley:event:{name}"
        assert described["x-topic"] == event.topic
        assert described["x-key"] in described["required"]
