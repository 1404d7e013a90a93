"""The trace string follows the work; spans exist only where somebody collects them."""

import subprocess
import sys
from collections.abc import Generator

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from common.contracts.trace import current_traceparent, trace_id
from common.errors import RateLimited
from common.telemetry import export_to, span

PARENT = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


@pytest.fixture
def collected() -> Generator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    export_to(provider.get_tracer("test"))
    yield exporter
    export_to(None)
    provider.shutdown()


def test_without_a_collector_the_string_travels_on_unchanged() -> None:
    with span("work", PARENT) as carried:
        assert carried == PARENT
        assert current_traceparent.get() == PARENT
        with span("inner") as inner:
            assert inner == PARENT
    assert current_traceparent.get() is None


@pytest.mark.parametrize("nonsense", [None, "", "00-x", "00-" + "0" * 32 + "-" + "b" * 16 + "-01"])
def test_work_without_a_usable_trace_begins_one(nonsense: str | None) -> None:
    with span("work", nonsense) as first, span("other") as second:
        assert trace_id(first) == trace_id(second)
        assert len(trace_id(first) or "") == 32


def test_a_real_span_is_the_child_of_the_message_and_the_parent_of_what_follows(
    collected: InMemorySpanExporter,
) -> None:
    with (
        span("process", PARENT, kind="consumer", attributes={"messaging.system": "kafka"}),
        span("call", kind="client") as carried,
    ):
        pass

    call, process = collected.get_finished_spans()
    assert process.parent is not None
    assert call.parent is not None
    assert format(process.parent.span_id, "016x") == "b" * 16
    assert call.parent.span_id == process.context.span_id
    assert carried == f"00-{'a' * 32}-{call.context.span_id:016x}-01"


def test_a_failed_span_tells_the_code_and_not_the_words(collected: InMemorySpanExporter) -> None:
    with pytest.raises(RateLimited), span("call"):
        raise RateLimited("token s3cret was refused")

    [failed] = collected.get_finished_spans()
    assert failed.status.description == "rate_limited"
    assert "s3cret" not in failed.to_json()


def test_the_exporter_is_not_even_imported_until_it_is_wanted() -> None:
    program = (
        "import sys, common.telemetry as t; t.configure_tracing('crm', None); "
        "print([m for m in sys.modules if m.startswith(('opentelemetry.sdk', 'google.protobuf'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
