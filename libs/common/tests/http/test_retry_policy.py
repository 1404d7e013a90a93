"""Pauses grow, are spread, and respect the time the other side named."""

from datetime import UTC, datetime, timedelta

import pytest

from common.errors import RateLimited, Unavailable
from common.http import RetryPolicy, parse_retry_after

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("1.5", 1.5),
        (" 7 ", 7.0),
        ("-5", 0.0),
        ("1e300", 86_400.0),
        ("inf", 86_400.0),
        ("Fri, 02 Jan 2026 03:05:05 GMT", 60.0),
        ("Fri, 02 Jan 2026 03:00:00 GMT", 0.0),
    ],
)
def test_a_wait_is_read_as_seconds_or_as_a_date(value: str, seconds: float) -> None:
    assert parse_retry_after(value, NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize("value", [None, "", "soon", "nan", "Fri, 99 Jan 2026 03:05:05 GMT"])
def test_an_unreadable_wait_is_no_wait(value: str | None) -> None:
    assert parse_retry_after(value, NOW) is None


def test_the_ceiling_doubles_up_to_the_longest_pause() -> None:
    policy = RetryPolicy(first_pause=1, longest_pause=5)

    pauses = [policy.pause(n, Unavailable(), draw=max) for n in range(1, 6)]

    assert pauses == [1, 2, 4, 5, 5]


def test_the_jitter_is_full() -> None:
    pauses = {RetryPolicy().pause(3, Unavailable()) for _ in range(200)}

    assert min(pauses) < 0.2
    assert max(pauses) > 0.6
    assert len(pauses) > 100


def test_a_named_time_is_the_least_pause() -> None:
    failure = RateLimited(retry_after=timedelta(seconds=9))

    assert RetryPolicy().pause(1, failure, draw=min) == 9
