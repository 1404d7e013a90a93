"""`python -m whatsapp_service translate`, as a stranger runs it."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from whatsapp_service.providers.evolution.translation.command import translated

NOW = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
EXAMPLES = Path(__file__).parent / "examples"
OPEN = b'{"event": "connection.update", "instance": "a", "data": {"state": "open"}}'
TYPING = b'{"event": "presence.update", "instance": "a", "data": {}}'


def run(raw: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    # No environment at all: nothing may need a database, a broker or a key.
    command = [sys.executable, "-m", "whatsapp_service", *(arguments or ("translate",))]
    return subprocess.run(command, input=raw, capture_output=True, env={}, check=False, timeout=60)


def lines(raw: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in translated(raw, now=NOW)]


def test_it_prints_an_event_and_exits_well() -> None:
    done = run((EXAMPLES / "messages-upsert__text.json").read_bytes())

    assert (done.returncode, done.stderr) == (0, b"")
    [line] = done.stdout.splitlines()
    printed = json.loads(line)
    assert list(printed) == ["type", "data"]
    assert printed["type"] == "whatsapp.message.received"
    assert printed["data"]["integration_id"] == "padaria"


def test_it_prints_no_traceback_whatever_it_is_given() -> None:
    done = run(b"\xff\xfe{[[[")

    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout) == {"ignored": "the input is not JSON"}


def test_unusable_arguments_are_refused() -> None:
    assert run(OPEN, "translate", "--sideways").returncode == 2


def test_it_loads_neither_the_database_nor_kafka() -> None:
    script = (
        "import sys, whatsapp_service.providers.evolution.translation.command;"
        "print(sorted({'sqlalchemy', 'aiokafka', 'fastapi', 'alembic'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, timeout=60
    )

    assert done.stdout.strip() == b"[]"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not JSON"),
        (b"  \n", "not JSON"),
        (b"not json", "not JSON"),
        (b"null", "not an object"),
        (b"7", "not an object"),
        (b'"text"', "not an object"),
        (b"[]", "not an object"),
        (b"{}", "names no event"),
        (b"[" * 5000, "nested too deeply"),
        (b"[" * 5000 + b"]" * 5000, "nested too deeply"),
    ],
)
def test_what_is_no_body_is_ignored_with_a_reason(raw: bytes, reason: str) -> None:
    [line] = lines(raw)

    assert reason in line["ignored"]


def test_a_list_of_bodies_is_read_one_by_one() -> None:
    opened, typing, nothing = lines(b"[" + OPEN + b"," + TYPING + b", null]")

    assert opened["data"]["state"] == "open"
    assert "typing" in typing["ignored"]
    assert "not an object" in nothing["ignored"]


def test_a_body_in_each_line_is_read_line_by_line() -> None:
    opened, broken, typing = lines(OPEN + b"\r\n\r\n{oops\n" + TYPING + b"\n")

    assert opened["data"]["state"] == "open"
    assert "not JSON" in broken["ignored"]
    assert "typing" in typing["ignored"]


def test_half_an_emoji_is_no_reason_to_refuse_a_body() -> None:
    [line] = lines(OPEN.replace(b'"a"', rb'"a\ud83d"'))

    assert line["data"]["integration_id"] == "a"
