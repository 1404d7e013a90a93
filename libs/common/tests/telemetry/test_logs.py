"""One JSON object per line, masked, with whose work it was."""

import logging
import warnings
from collections.abc import Generator
from typing import Any

import orjson
import pytest
import structlog

from common.contracts.trace import current_traceparent
from common.telemetry import bind, configure_logs, get_logger

TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


@pytest.fixture(autouse=True)
def restored() -> Generator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(capture: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in capture.readouterr().err.splitlines()]


def test_a_line_is_an_event_name_and_facts(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("crm", "INFO")
    bind(tenant="ten_1")
    token = current_traceparent.set(TRACE)

    get_logger().info("contact.synced", attempt=2, contact_id="con_1")

    current_traceparent.reset(token)
    [line] = lines(capsys)
    assert line.pop("at").endswith("Z")
    assert line == {
        "event": "contact.synced",
        "level": "info",
        "service": "crm",
        "tenant": "ten_1",
        "trace_id": "a" * 32,
        "attempt": 2,
        "contact_id": "con_1",
    }


def test_secrets_are_masked_wherever_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("crm", "INFO")

    get_logger().info(
        "call.made",
        authorization="Bearer s3cret",
        headers={"X-Webhook-Secret": "s3cret", "Set-Cookie": "a=s3cret", "accept": "json"},
        body=[{"refresh_token": "s3cret", "inner": {"clientSecret": "s3cret", "code": "s3cret"}}],
        apikey="s3cret",
        raw=b"s3cret",
        phone="+5511987654321",
        chat="5511987654321@s.whatsapp.net",
        note="call +5511987654321 now",
    )

    written = capsys.readouterr().err
    assert "s3cret" not in written
    assert "551198765" not in written
    assert written.count("***4321") == 3
    assert '"accept":"json"' in written


def test_a_traceback_shows_neither_locals_nor_what_looks_like_a_secret(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("crm", "INFO")

    def fails(_argument: str) -> None:
        raise ValueError("GET https://x?access_token=s3cret Bearer s3cret.a")

    try:
        fails("l0cal-" + "value")
    except ValueError:
        get_logger().exception("call.failed")

    [line] = lines(capsys)
    assert "ValueError" in line["exception"]
    assert "s3cret" not in line["exception"]
    assert "l0cal-value" not in line["exception"]


def test_the_standard_library_speaks_the_same_language(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("crm", "INFO")

    logging.getLogger("somebody").warning("password=%s is wrong", "s3cret")
    logging.getLogger("httpx2").info("GET https://x?token=s3cret")

    [line] = lines(capsys)
    assert (line["event"], line["level"], line["service"]) == ("library.somebody", "warning", "crm")
    assert line["reason"] == "password=*** is wrong"


def test_a_warning_becomes_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("crm", "INFO")

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old thing", stacklevel=1)

    [line] = lines(capsys)
    assert line["event"] == "library.py.warnings"


def test_below_the_level_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("crm", "WARNING")

    get_logger().info("contact.synced")

    assert lines(capsys) == []


def test_a_person_at_a_terminal_reads_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("crm", "INFO", pretty=True)

    get_logger().info("contact.synced", token="s3cret")

    written = capsys.readouterr().err
    assert "contact.synced" in written
    assert "s3cret" not in written
    assert not written.startswith("{")


def test_configuring_twice_does_not_write_twice(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("crm", "INFO")
    configure_logs("crm", "INFO")

    logging.getLogger("somebody").warning("once")

    assert len(lines(capsys)) == 1
