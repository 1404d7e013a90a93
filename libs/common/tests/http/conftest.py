"""Fakes for the far side of the wire."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2
import pytest

from common.errors import ParleyError
from common.http import ApiClient, ApiProfile, Breakers, BreakerState, RateLimiter, Wire

Answer = httpx2.Response | BaseException | Callable[[httpx2.Request], httpx2.Response]


@dataclass
class Time:
    """A clock that moves only when somebody sleeps or a test says so."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class Provider:
    """Answers in the order it was told to; the last answer stays."""

    answers: list[Answer] = field(default_factory=lambda: [httpx2.Response(200, json={})])
    requests: list[httpx2.Request] = field(default_factory=list)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, httpx2.Response):
            return httpx2.Response(
                answer.status_code, headers=answer.headers, content=answer.content
            )
        return answer(request)


@dataclass
class Counter:
    """Writes down what an observer is told."""

    outcomes: list[str] = field(default_factory=list)
    moves: list[tuple[BreakerState, BreakerState]] = field(default_factory=list)

    def called(self, provider: str, outcome: str, seconds: float) -> None:
        self.outcomes.append(outcome)

    def breaker_moved(self, provider: str, before: BreakerState, after: BreakerState) -> None:
        self.moves.append((before, after))


@dataclass
class Stage:
    """A client, the provider it calls, and the time it lives in."""

    time: Time
    provider: Provider
    counter: Counter
    wire: Wire

    def client(self, **profile: Any) -> ApiClient:
        return ApiClient(
            self.wire, ApiProfile(**{"provider": "acme", "base_url": "http://acme.test"} | profile)
        )

    def says(self, *answers: Answer) -> None:
        self.provider.answers = list(answers)

    def with_breakers(self, breakers: Breakers) -> None:
        self.wire = replace(self.wire, breakers=breakers)


@pytest.fixture
async def stage() -> AsyncGenerator[Stage]:
    time, provider, counter = Time(), Provider(), Counter()
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(provider)) as http:
        wire = Wire(
            http=http,
            breakers=Breakers(clock=time, moved=counter.breaker_moved),
            limiter=RateLimiter(clock=time, sleep=time.sleep),
            traceparent=lambda: "00-" + "a" * 32 + "-" + "b" * 16 + "-01",
            observer=counter,
            clock=time,
            sleep=time.sleep,
        )
        yield Stage(time, provider, counter, wire)


async def error_of(call: Awaitable[object]) -> ParleyError:
    try:
        await call
    except ParleyError as error:
        return error
    raise AssertionError("the call succeeded")


@pytest.fixture
def failing() -> Callable[[Awaitable[object]], Awaitable[ParleyError]]:
    return error_of
