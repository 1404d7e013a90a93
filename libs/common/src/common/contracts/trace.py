"""W3C trace context: the one string that follows a message through every hop."""

import os
import re
from contextvars import ContextVar

HEADER = "traceparent"
current_traceparent: ContextVar[str | None] = ContextVar("current_traceparent", default=None)
"""The trace of the work in hand; the doors set it, the outbox and `ApiClient` read it."""

_VALID = re.compile(r"^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$")


def new_traceparent() -> str:
    """Begin a trace, marked as sampled."""
    raw = os.urandom(24).hex()
    return f"00-{raw[:32]}-{raw[32:]}-01"


def accept_traceparent(value: str | None) -> str:
    """Keep a caller's traceparent when it is well formed, begin a new trace otherwise."""
    if value is not None and _VALID.match(value):
        return value
    return new_traceparent()


def trace_id(traceparent: str | None) -> str | None:
    """Read the 32 digits people search logs for."""
    return traceparent[3:35] if traceparent else None
