"""Our records are CloudEvents in Kafka's binary mode: the SDK reads them, and we read them back."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given
from hypothesis import strategies as st

from common.contracts import (
    EVENTS,
    CancelMessages,
    ChatId,
    Envelope,
    Event,
    EventId,
    IntegrationId,
    TenantId,
)
from common.contracts.cloudevents import attributes, decode, encode_headers
from common.errors import Malformed

EXAMPLES = Path(__file__).parents[1] / "examples"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
NOON = datetime(2026, 11, 23, 12, 0, 0, 250_000, tzinfo=UTC)


def envelope(event: Event, *, tenant: str = "ten_a", trace: str | None = TRACE) -> Envelope[Event]:
    return Envelope(EventId("evt-1"), TenantId(tenant), NOON, event, "parley/whatsapp", trace)


def example(name: str) -> Event:
    record = json.loads((EXAMPLES / name / "1.json").read_text(encoding="utf-8"))
    return EVENTS[name].model_validate(record["body"])


A_COMMAND = CancelMessages(chat_id=ChatId("cht_1"), integration_id=IntegrationId("int_1"))


@pytest.mark.parametrize("name", EVENTS)
def test_the_sdk_reads_every_event_we_write(name: str) -> None:
    event = example(name)
    message = KafkaMessage(
        headers=dict(encode_headers(envelope(event))),
        key=event.record_key,
        value=event.model_dump_json().encode(),
    )

    read = from_binary(message, JSONFormat())

    assert read.get_specversion() == "1.0"
    assert read.get_type() == name
    assert read.get_id() == "evt-1"
    assert read.get_source() == "parley/whatsapp"
    assert read.get_time() == NOON
    assert read.get_datacontenttype() == "application/json"
    assert read.get_extension("tenant") == "ten_a"
    assert read.get_data() == json.loads(event.model_dump_json())


def test_the_trace_is_a_plain_header_as_other_languages_expect_it() -> None:
    headers = dict(encode_headers(envelope(A_COMMAND)))
    assert headers["traceparent"] == TRACE.encode()
    assert "ce_traceparent" not in headers


def test_what_is_not_known_is_left_out() -> None:
    headers = dict(encode_headers(envelope(A_COMMAND, tenant="", trace=None)))
    assert "ce_tenant" not in headers
    assert "traceparent" not in headers


@pytest.mark.parametrize("name", EVENTS)
def test_what_was_written_is_read_back(name: str) -> None:
    written = envelope(example(name))
    headers = attributes(encode_headers(written))
    assert decode(headers, written.event.model_dump_json().encode()) == written


def test_a_newer_writers_fields_are_ignored() -> None:
    headers = attributes(encode_headers(envelope(A_COMMAND)))
    body = {**A_COMMAND.model_dump(mode="json"), "invented_tomorrow": 1}

    read = decode(headers, json.dumps(body).encode())

    assert read.event == A_COMMAND


@pytest.mark.parametrize(
    ("headers", "value", "reason"),
    [
        ({}, b"{}", "ce_type or ce_id missing"),
        ({"ce_type": CancelMessages.type}, b"{}", "ce_type or ce_id missing"),
        ({"ce_type": "weather.forecast.changed", "ce_id": "1"}, b"{}", "unknown event type"),
        ({"ce_type": CancelMessages.type, "ce_id": "1"}, None, "has no body"),
        ({"ce_type": CancelMessages.type, "ce_id": "1"}, b"{", "does not fit"),
        ({"ce_type": CancelMessages.type, "ce_id": "1"}, b"{}", "chat_id: Field required"),
    ],
)
def test_what_is_not_our_event_is_malformed_and_says_why(
    headers: dict[str, str], value: bytes | None, reason: str
) -> None:
    with pytest.raises(Malformed, match=reason):
        decode(headers, value)


def test_the_reason_does_not_repeat_what_may_be_private() -> None:
    headers = attributes(encode_headers(envelope(A_COMMAND)))
    with pytest.raises(Malformed) as refused:
        decode(headers, b'{"chat_id": ["+5511999990000"], "integration_id": "int_1"}')
    assert "5511999990000" not in str(refused.value)


def test_without_a_time_it_happened_now() -> None:
    headers = attributes(encode_headers(envelope(A_COMMAND)))
    del headers["ce_time"]

    read = decode(headers, A_COMMAND.model_dump_json().encode())

    assert abs(datetime.now(UTC) - read.time) < timedelta(minutes=1)


@given(
    headers=st.dictionaries(
        st.sampled_from(["ce_type", "ce_id", "ce_time", "ce_tenant", "traceparent"]),
        st.sampled_from(sorted(EVENTS)) | st.text(max_size=30),
    ),
    value=st.none() | st.binary(max_size=200) | st.just(A_COMMAND.model_dump_json().encode()),
)
def test_whatever_stands_on_a_topic_it_is_read_or_malformed(
    headers: dict[str, str], value: bytes | None
) -> None:
    try:
        read = decode(headers, value)
    except Malformed:
        return
    assert read.event.type == headers["ce_type"]


@given(st.lists(st.tuples(st.text(max_size=10), st.none() | st.binary(max_size=20))))
def test_any_header_can_be_read_as_text(headers: list[tuple[str, bytes | None]]) -> None:
    read = attributes(headers)
    assert {name for name, value in headers if value is not None} <= set(read)
    assert all(isinstance(value, str) for value in read.values())
