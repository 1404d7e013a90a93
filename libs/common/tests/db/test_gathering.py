"""What many ask for at once is done together, and one that fails costs only itself."""

import asyncio
from collections.abc import Sequence

import pytest

from common.db import Gatherer
from common.errors import InvalidInput, Unavailable
from common.testing import eventually


class Work:
    """Doubles numbers; refuses negative ones, and is away for as many rounds as told."""

    def __init__(self, away: int = 0) -> None:
        self.rounds: list[list[int]] = []
        self.away = away
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, items: Sequence[int]) -> Sequence[int | Exception]:
        self.rounds.append(list(items))
        await self.gate.wait()
        if self.away:
            self.away -= 1
            raise Unavailable
        if any(item < 0 for item in items):
            raise InvalidInput
        return [item * 2 if item else ZeroDivisionError() for item in items]


async def ask_all(gatherer: Gatherer[int, int], *items: int) -> list[int | BaseException]:
    return await asyncio.gather(*map(gatherer.ask, items), return_exceptions=True)


async def test_what_is_asked_during_a_round_goes_together_with_the_next() -> None:
    work = Work()
    gatherer = Gatherer(work)
    work.gate.clear()
    first = asyncio.create_task(gatherer.ask(1))
    await eventually(lambda: work.rounds, what="a round under way")

    later = asyncio.create_task(ask_all(gatherer, 2, 3, 4))
    await asyncio.sleep(0)
    work.gate.set()

    assert await first == 2
    assert await later == [4, 6, 8]
    assert work.rounds == [[1], [2, 3, 4]]


async def test_one_that_fails_costs_only_itself() -> None:
    work = Work()
    results = await ask_all(Gatherer(work), 1, -1, 0, 2)
    assert [type(one) for one in results] == [int, InvalidInput, ZeroDivisionError, int]
    assert work.rounds == [[1, -1, 0, 2], [1], [-1], [0], [2]]


async def test_an_outage_is_everybodys_and_is_tried_as_often_as_told() -> None:
    work = Work(away=1)
    [one, other] = await ask_all(Gatherer(work), 1, 2)
    assert isinstance(one, Unavailable)
    assert isinstance(other, Unavailable)
    assert await ask_all(Gatherer(Work(away=1), tries=2), 1, 2) == [2, 4]


async def test_nobody_waits_for_a_round_that_was_cancelled() -> None:
    begun = asyncio.Event()

    async def never(_: Sequence[int]) -> Sequence[int]:
        begun.set()
        await asyncio.Event().wait()
        return []

    gatherer: Gatherer[int, int] = Gatherer(never)
    waiting = [asyncio.create_task(gatherer.ask(n)) for n in range(2)]
    await begun.wait()
    late = asyncio.create_task(gatherer.ask(3))
    await asyncio.sleep(0)
    assert gatherer._rounds is not None
    gatherer._rounds.cancel()

    async with asyncio.timeout(5):
        for task in (*waiting, late):
            with pytest.raises(asyncio.CancelledError):
                await task
