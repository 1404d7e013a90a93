"""A host that fails in a row is left alone, then probed by one caller."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest

from common.errors import ParleyError, Unavailable
from common.http import BreakerPolicy, Breakers, BreakerState

Failing = Callable[[Awaitable[object]], Awaitable[ParleyError]]


@pytest.fixture
def brittle(stage: Any) -> Any:
    policy = BreakerPolicy(failures=3, cooldown=10)
    stage.with_breakers(Breakers(policy, clock=stage.time, moved=stage.counter.breaker_moved))
    stage.says(httpx2.ConnectError("no"))
    return stage


async def broken(stage: Any, failing: Failing) -> None:
    for _ in range(3):
        await failing(stage.client().request("POST", "/x"))


async def test_failures_in_a_row_open_it_and_no_call_leaves(brittle: Any, failing: Failing) -> None:
    await broken(brittle, failing)

    failure = await failing(brittle.client().request("POST", "/x"))

    assert isinstance(failure, Unavailable)
    assert failure.retry_after is not None
    assert failure.retry_after.total_seconds() == 10
    assert len(brittle.provider.requests) == 3
    assert brittle.counter.moves == [(BreakerState.CLOSED, BreakerState.OPEN)]


async def test_another_host_is_not_punished(brittle: Any, failing: Failing) -> None:
    await broken(brittle, failing)

    await failing(brittle.client(base_url="http://other.test").request("POST", "/x"))

    assert len(brittle.provider.requests) == 4


async def test_a_good_probe_closes_it(brittle: Any, failing: Failing) -> None:
    await broken(brittle, failing)
    brittle.time.now += 11
    brittle.says(httpx2.Response(200))

    await brittle.client().request("POST", "/x")
    await brittle.client().request("POST", "/x")

    assert [after for _, after in brittle.counter.moves] == ["open", "half_open", "closed"]


async def test_a_bad_probe_opens_it_again(brittle: Any, failing: Failing) -> None:
    await broken(brittle, failing)
    brittle.time.now += 11

    await failing(brittle.client().request("POST", "/x"))
    await failing(brittle.client().request("POST", "/x"))

    assert len(brittle.provider.requests) == 4


async def test_a_cancelled_probe_leaves_the_next_caller_to_probe(
    brittle: Any, failing: Failing
) -> None:
    await broken(brittle, failing)
    brittle.time.now += 11
    brittle.says(asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        await brittle.client().request("POST", "/x")
    brittle.says(httpx2.Response(200))

    assert (await brittle.client().request("POST", "/x")).status == 200


async def test_only_one_probes_while_the_rest_are_refused(brittle: Any) -> None:
    breaker = brittle.wire.breakers.of("acme", "acme.test")
    for _ in range(3):
        breaker.failed()
    brittle.time.now += 11

    breaker.admit()

    with pytest.raises(Unavailable):
        breaker.admit()


@pytest.mark.parametrize("status", [400, 404, 429])
async def test_an_answer_that_says_no_proves_the_host_alive(
    brittle: Any, failing: Failing, status: int
) -> None:
    brittle.says(httpx2.Response(status))

    for _ in range(10):
        await failing(brittle.client().request("POST", "/x"))

    assert len(brittle.provider.requests) == 10


def test_hosts_that_tenants_made_up_are_forgotten() -> None:
    breakers = Breakers(BreakerPolicy(failures=1))
    breakers.of("acme", "bad").failed()

    for number in range(6_000):
        breakers.of("acme", f"host-{number}")

    assert len(breakers._breakers) <= 5_001
    assert breakers.of("acme", "bad").state is BreakerState.OPEN
