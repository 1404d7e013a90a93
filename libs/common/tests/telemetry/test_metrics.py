"""The metrics that the platform team finds: named, labelled, and never by tenant."""

import asyncio
import time

from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from common.telemetry import HttpMetrics, child, metrics, sample_loop_lag

ALLOWED_LABELS = {
    "topic", "partition", "handler", "outcome", "reason", "queue", "service", "version",
    "route", "method", "status", "provider", "state", "whose",
}  # fmt: skip


def every_metric() -> list[MetricWrapperBase]:
    return [value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase)]


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_every_metric_is_ours_by_name_and_labelled_from_a_small_set() -> None:
    assert len(every_metric()) >= 23
    for metric in every_metric():
        assert metric._name.startswith("parley_")
        assert set(metric._labelnames) <= ALLOWED_LABELS, metric._name


def test_a_bound_child_is_the_same_object_each_time() -> None:
    assert child(metrics.WEBHOOKS, "evolution", "ok") is child(metrics.WEBHOOKS, "evolution", "ok")
    assert child(metrics.WEBHOOKS, "evolution", "ok") is not child(metrics.WEBHOOKS, "x", "ok")


def test_calls_are_counted_by_provider_and_outcome() -> None:
    before = value("parley_http_client_seconds_count", provider="acme", outcome="ok")

    HttpMetrics().called("acme", "ok", 0.2)

    assert value("parley_http_client_seconds_count", provider="acme", outcome="ok") == before + 1


def test_breakers_that_are_not_closed_are_counted() -> None:
    observer = HttpMetrics()

    observer.breaker_moved("acme2", "closed", "open")
    observer.breaker_moved("acme2", "closed", "open")
    observer.breaker_moved("acme2", "open", "half_open")

    assert value("parley_breakers", provider="acme2", state="open") == 1
    assert value("parley_breakers", provider="acme2", state="half_open") == 1
    observer.breaker_moved("acme2", "half_open", "closed")
    assert value("parley_breakers", provider="acme2", state="half_open") == 0


async def test_a_blocked_loop_is_seen() -> None:
    stop = asyncio.Event()
    before = value("parley_event_loop_lag_seconds_sum")
    async with asyncio.TaskGroup() as group:
        group.create_task(sample_loop_lag(stop, interval=0.01))
        await asyncio.sleep(0)
        time.sleep(0.1)  # noqa: ASYNC251 - blocking the loop is what is tested
        async with asyncio.timeout(5):
            while value("parley_event_loop_lag_seconds_sum") < before + 0.05:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0)
        stop.set()
