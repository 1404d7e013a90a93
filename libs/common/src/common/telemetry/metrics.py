"""Every Prometheus metric of a process, in one place; names are what dashboards rely on.

No label holds a tenant, a key or an id: their number must stay small.
"""

from prometheus_client import Counter, Gauge, Histogram

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SLOW = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)

CONSUMER_LAG = Gauge(
    "parley_consumer_lag_records", "Records behind the end.", ["topic", "partition"]
)
END_TO_END = Histogram(
    "parley_end_to_end_seconds",
    "From an event's time to its effect's commit.",
    ["topic"],
    buckets=_SLOW,
)
HANDLER_SECONDS = Histogram(
    "parley_handler_seconds", "Time in a handler.", ["handler", "outcome"], buckets=_FAST
)
IN_FLIGHT = Gauge("parley_in_flight_records", "Records fetched and not finished.")
REBALANCES = Counter("parley_rebalances", "Assignments received from the group.")
DEAD_LETTERS = Counter("parley_dead_letters", "Records given up.", ["topic", "reason"])
INBOX_DUPLICATES = Counter("parley_inbox_duplicates", "Redelivered events that changed nothing.")
PRODUCER_REBUILDS = Counter("parley_producer_rebuilds", "Kafka producers replaced after an error.")

OUTBOX_PENDING = Gauge("parley_outbox_pending_rows", "Committed, not yet published.")
OUTBOX_OLDEST_SECONDS = Gauge("parley_outbox_oldest_seconds", "Age of the oldest such row.")

LANES_PENDING = Gauge("parley_lane_jobs_pending", "Jobs that wait in lanes.", ["queue"])
LANES_WAITING = Gauge("parley_lanes_waiting", "Lanes with work.", ["queue"])
LANES_HELD = Gauge("parley_lanes_held", "Lanes that wait for a person.", ["queue"])
LANES_OLDEST_SECONDS = Gauge(
    "parley_lanes_oldest_due_seconds", "How long the oldest due lane has waited.", ["queue"]
)
