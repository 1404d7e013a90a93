"""Every message that was ever checked in as an example still parses, and every event has one."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from common.contracts import EVENTS, TOPICS, Event
from common.contracts.cloudevents import decode

EXAMPLES = Path(__file__).parents[1] / "examples"
FILES = sorted(EXAMPLES.glob("*/*.json"))


def read(path: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.type)
def test_every_event_has_an_example(event: type[Event]) -> None:
    assert (EXAMPLES / event.type / "1.json").is_file(), (
        f"Write libs/common/tests/examples/{event.type}/1.json: headers, key and body of a record."
    )


def test_no_example_is_left_of_an_event_that_is_gone() -> None:
    assert {path.parent.name for path in FILES} == set(EVENTS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_it_parses_to_its_event_under_its_key(path: Path) -> None:
    record = read(path)

    envelope = decode(record["headers"], orjson.dumps(record["body"]))

    assert envelope.event.type == path.parent.name
    assert envelope.event.record_key == record["key"]
    assert envelope.tenant == record["headers"]["ce_tenant"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_it_says_nothing_that_its_event_does_not_know(path: Path) -> None:
    """An unknown field would be ignored, so a typing error in an example would go unseen."""
    record = read(path)
    event = EVENTS[path.parent.name].model_validate(record["body"])

    assert set(record["body"]) <= set(event.model_dump())


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.type)
def test_an_event_is_named_keyed_and_placed_as_the_house_says(event: type[Event]) -> None:
    owner, noun, verb = event.type.split(".")
    assert owner == event.topic.value.partition(".")[0]
    assert noun
    assert verb
    assert event.topic in TOPICS
    assert TOPICS[event.topic].key == event.key
    assert event.model_fields[event.key].is_required()
