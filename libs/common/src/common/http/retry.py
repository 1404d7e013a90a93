"""When to try again, and how long to wait before."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from common.errors import Transient

IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})
"""Methods that may be repeated without asking (RFC 9110 §9.2.2)."""

_LONGEST_WAIT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most `attempts` tries, with full jitter between them; times are seconds."""

    attempts: int = 3
    first_pause: float = 0.2
    longest_pause: float = 5.0

    def pause(
        self,
        attempt: int,
        failure: Transient,
        draw: Callable[[float, float], float] = random.uniform,
    ) -> float:
        """Choose the wait after failed attempt number `attempt` (from 1).

        Full jitter spreads a crowd; a named Retry-After is kept, with the jitter on top, because
        a crowd that was told the same second would come back in the same second.
        """
        ceiling = min(self.longest_pause, self.first_pause * 2 ** (attempt - 1))
        jitter = draw(0.0, ceiling)
        named = failure.retry_after
        return jitter if named is None else named.total_seconds() + jitter


def parse_retry_after(value: str | None, now: datetime | None = None) -> timedelta | None:
    """Read a Retry-After header: seconds or an HTTP date (RFC 9110 §10.2.3); None when unusable."""
    if not value:
        return None
    text = value.strip()
    try:
        wait = timedelta(seconds=float(text))
    except OverflowError:
        return _LONGEST_WAIT
    except ValueError:
        return _until(text, now or datetime.now(UTC))
    return min(max(wait, timedelta()), _LONGEST_WAIT)


def _until(text: str, now: datetime) -> timedelta | None:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(aware - now, timedelta()), _LONGEST_WAIT)
