"""A token bucket per key, kept in one number."""

from typing import Any

import pytest

from common.errors import RateLimited
from common.http import Rate, RateLimiter


@pytest.fixture
def limiter(stage: Any) -> RateLimiter:
    return RateLimiter(clock=stage.time, sleep=stage.time.sleep)


def test_a_burst_passes_and_the_next_waits_its_turn(limiter: RateLimiter) -> None:
    rate = Rate(per_second=2, burst=3)

    waits = [limiter.reserve("k", rate, longest_wait=10) for _ in range(5)]

    assert waits == pytest.approx([0, 0, 0, 0.5, 1.0])


def test_a_refusal_takes_nothing(limiter: RateLimiter, stage: Any) -> None:
    rate = Rate(per_second=1)
    limiter.reserve("k", rate)

    for _ in range(5):
        with pytest.raises(RateLimited) as refusal:
            limiter.reserve("k", rate)
        assert refusal.value.retry_after is not None
        assert refusal.value.retry_after.total_seconds() == pytest.approx(1.0)
    stage.time.now += 1.0

    assert limiter.reserve("k", rate) == 0


def test_over_an_hour_the_rate_is_the_rate(limiter: RateLimiter, stage: Any) -> None:
    rate = Rate(per_second=5, burst=10)
    passed = 0
    for _ in range(36_000):
        stage.time.now += 0.1
        try:
            limiter.reserve("k", rate)
        except RateLimited:
            continue
        passed += 1

    assert passed == pytest.approx(5 * 3600 + 10, abs=2)


def test_idle_keys_are_forgotten(limiter: RateLimiter, stage: Any) -> None:
    for number in range(50_000):
        stage.time.now += 0.001
        limiter.reserve(f"k{number}", Rate(per_second=100))

    assert len(limiter._full_at) <= 20_001
