"""Every metric of the suite: name, unit and labels on one screen, and no label names a tenant."""

from collections.abc import Callable
from functools import cache
from typing import TypeVar

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SLOW = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)

# What the consumer reads
CONSUMER_LAG = Gauge(
    "parley_consumer_lag_messages", "High water mark less position", ["topic", "partition"]
)
CONSUMER_LAG_AGE = Gauge(
    "parley_consumer_lag_age_seconds",
    "Age of the oldest message fetched and not finished; alert on this, not on the count",
    ["topic", "partition"],
)
END_TO_END = Histogram(
    "parley_end_to_end_seconds",
    "From the event's ce_time to its handler's commit",
    ["topic"],
    buckets=_SLOW,
)
HANDLER_SECONDS = Histogram(
    "parley_handler_seconds",
    "A handler's run: done, retried, dead_lettered; in lanes also parked, lease_lost",
    ["handler", "outcome"],
    buckets=_FAST,
)
IN_FLIGHT = Gauge("parley_messages_in_flight", "Fetched and not finished")
PAUSED_PARTITIONS = Gauge("parley_paused_partitions", "Partitions not fetched for now")
REBALANCES = Counter("parley_rebalances", "Partition assignments that changed")
DEAD_LETTERS = Counter("parley_dead_letters", "Messages given up on", ["topic", "reason"])
INBOX_DUPLICATES = Counter("parley_inbox_duplicates", "Messages that came again")

# What goes out again
PRODUCER_REBUILDS = Counter("parley_producer_rebuilds", "Producers replaced after a fatal error")
OUTBOX_PENDING = Gauge("parley_outbox_pending", "Rows not yet published")
OUTBOX_OLDEST_SECONDS = Gauge(
    "parley_outbox_oldest_age_seconds", "Age of the oldest row not yet published"
)

# Lanes
LANES_PENDING = Gauge("parley_lane_jobs_pending", "Jobs waiting in lanes", ["queue"])
LANES_WAITING = Gauge("parley_lanes_waiting", "Lanes that have jobs waiting", ["queue"])
LANES_HELD = Gauge("parley_lanes_held", "Lanes or parked jobs that wait for a person", ["queue"])
LANES_OLDEST_SECONDS = Gauge(
    "parley_lane_oldest_due_age_seconds", "How overdue the most overdue lane is", ["queue"]
)

# Numbers and what they bring
NUMBERS = Gauge("parley_numbers", "WhatsApp numbers, as all workers see them", ["state"])
WEBHOOKS_IGNORED = Counter(
    "parley_webhooks_ignored",
    "Webhooks, or parts of one, that are deliberately no event",
    ["reason"],
)
FILES = Counter("parley_files", "Files of messages, by what became of them", ["outcome"])
COMPARED = Counter(
    "parley_messages_compared",
    "Messages compared with the provider's list: checked, missing, repaired",
    ["outcome"],
)

# The process
DB_POOL_IN_USE = Gauge("parley_db_pool_in_use", "Connections handed out", ["service"])
DB_POOL_SIZE = Gauge("parley_db_pool_size", "Connections the pool has open", ["service"])
LOOP_LAG = Histogram(
    "parley_event_loop_lag_seconds", "How late the event loop wakes a timer", buckets=_FAST
)
BUILD = Gauge("parley_build_info", "Which version runs", ["service", "version"])

# HTTP
HTTP_SERVER = Histogram(
    "parley_http_server_seconds", "Requests answered", ["route", "method", "status"], buckets=_FAST
)
HTTP_CLIENT = Histogram(
    "parley_http_client_seconds",
    "Calls to providers: ok, or the code of our error",
    ["provider", "outcome"],
    buckets=_SLOW,
)
BREAKERS = Gauge("parley_breakers", "Circuit breakers not closed", ["provider", "state"])
ACCOUNTS_REFUSED = Counter(
    "parley_model_accounts_refused", "Model accounts without quota or a valid key", ["whose"]
)
WEBHOOKS = Counter("parley_webhooks", "Webhooks accepted or refused", ["route", "reason"])

M = TypeVar("M", bound=MetricWrapperBase)


@cache
def child(metric: M, *labels: str) -> M:
    """Bind a metric to its labels once; hot paths then pay a dictionary look-up.

    The cache lives as long as the metric does, so every label must come from a small fixed set.
    """
    return metric.labels(*labels)


class HttpMetrics:
    """Counts calls to providers; give it to `open_wire(observer=…)`."""

    def called(self, provider: str, outcome: str, seconds: float) -> None:
        """One exchange ended: `ok`, `cancelled`, or the code of our error."""
        child(HTTP_CLIENT, provider, outcome).observe(seconds)

    def breaker_moved(self, provider: str, before: str, after: str) -> None:
        """A breaker changed its state; the closed ones are not counted, they are forgotten."""
        if before != "closed":
            child(BREAKERS, provider, str(before)).dec()
        if after != "closed":
            child(BREAKERS, provider, str(after)).inc()


def watch_pool(service: str, in_use: Callable[[], tuple[int, int]]) -> None:
    """Read a connection pool whenever the metrics are read: (at work, in all)."""
    DB_POOL_IN_USE.labels(service).set_function(lambda: in_use()[0])
    DB_POOL_SIZE.labels(service).set_function(lambda: in_use()[1])
