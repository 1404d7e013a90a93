"""What each example body becomes, against a table; and bodies recorded elsewhere."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from common.contracts import EVENTS, ConnectionState, DeliveryStatus, MessageKind
from whatsapp_service.providers.evolution.translation import _IGNORED, _READ
from whatsapp_service.providers.evolution.translation.command import translated

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
EXAMPLES = {path.stem: path for path in sorted((HERE / "examples").glob("*.json"))}
EXPECTED: dict[str, list[dict[str, Any]]] = json.loads((HERE / "expectations.json").read_text())
"""By example: a line for each thing said. Of an event's data, what is named must be exactly so,
and what is null must be absent; of a reason, a part."""

NOT_FROM_EVOLUTION = {"whatsapp.message.failed", "whatsapp.media.stored"}
"""Events of this service that no webhook tells."""


def read(path: Path, now: datetime = NOW) -> list[dict[str, Any]]:
    return [json.loads(line) for line in translated(path.read_bytes(), now=now)]


def check(line: dict[str, Any], expected: dict[str, Any]) -> None:
    if "ignored" in expected:
        assert expected["ignored"] in line["ignored"]
        return
    assert line["type"] == expected["type"]
    for name, value in expected["data"].items():
        assert line["data"].get(name) == value, name


def test_every_example_has_its_expectation() -> None:
    assert set(EXPECTED) == set(EXAMPLES)


@pytest.mark.parametrize("name", EXPECTED)
def test_an_example_becomes_what_the_table_says(name: str) -> None:
    lines = read(EXAMPLES[name])

    for line, expected in zip(lines, EXPECTED[name], strict=True):
        check(line, expected)


def test_the_table_has_every_kind_of_message() -> None:
    seen = {one["data"].get("kind") for row in EXPECTED.values() for one in row if "data" in one}

    assert set(MessageKind) - seen == set()


def test_the_table_has_every_status_and_state() -> None:
    data = [one["data"] for row in EXPECTED.values() for one in row if "data" in one]

    assert set(DeliveryStatus) <= {one.get("status") for one in data}
    # A QR code makes the use case say `qr`; `degraded` is found by watching, not told.
    told = set(ConnectionState) - {ConnectionState.QR, ConnectionState.DEGRADED}
    assert told == {one["state"] for one in data if "state" in one}


def test_the_table_has_every_event_that_we_publish() -> None:
    ours = {name for name in EVENTS if name.startswith("whatsapp.")}
    made = {one["type"] for row in EXPECTED.values() for one in row if "type" in one}

    told = {
        name
        for name in ours
        if EVENTS[name].topic in {"whatsapp.messages.v1", "whatsapp.connections.v1"}
    }
    assert told - NOT_FROM_EVOLUTION == made


def test_the_table_has_every_event_name_that_evolution_has() -> None:
    bodies = [json.loads(path.read_text()) for path in EXAMPLES.values()]
    seen = {str(body.get("event")).replace("-", ".") for body in bodies}
    # `group.update` is documented; Evolution never sends it.
    assert {*_READ, *_IGNORED} - seen == {"group.update"}


def test_no_line_shows_a_secret() -> None:
    for path in EXAMPLES.values():
        assert "the-global-key" not in json.dumps(read(path))
        assert "2@AAAA" not in json.dumps(read(path)), "a QR code lets anybody log in"


def _recorded() -> list[Path]:
    """Bodies recorded from a real server, if PARLEY_CAPTURES says where; else our examples."""
    where = os.environ.get("PARLEY_CAPTURES")
    return sorted(Path(where).rglob("*.json")) if where else list(EXAMPLES.values())


def test_every_recorded_body_ends_as_an_event_or_as_ignored_with_a_reason() -> None:
    recorded = _recorded()

    assert recorded
    for path in recorded:
        lines = read(path, datetime.now(UTC))
        assert lines, path
        for line in lines:
            assert line.get("ignored") or line["type"] in EVENTS, path
