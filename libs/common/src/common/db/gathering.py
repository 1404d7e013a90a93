"""Do with one statement what many ask for at the same moment."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from common.errors import Transient

I = TypeVar("I")  # noqa: E741 - input and output
O = TypeVar("O")  # noqa: E741 - input and output
_MOST = 100
"""Asked for at once: what is more waits for the next round."""


class Gatherer(Generic[I, O]):
    """Gathers what is asked for while a round is on its way; the next round takes all of it.

    Who asks alone does not wait for anybody. The work gives one result for each that was asked
    for, which may be an exception for that one; when it raises, the others are done again, each
    alone, so that one costs only itself.
    """

    def __init__(
        self, work: Callable[[Sequence[I]], Awaitable[Sequence[O | Exception]]], *, tries: int = 1
    ) -> None:
        """`tries`: how often a round is tried that ended in a Transient error."""
        self._work = work
        self._tries = tries
        self._waiting: list[tuple[I, asyncio.Future[O]]] = []
        self._rounds: asyncio.Task[None] | None = None

    async def ask(self, item: I) -> O:
        """Have it done; raises what doing it raised."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[O] = loop.create_future()
        self._waiting.append((item, future))
        if self._rounds is None:
            self._rounds = loop.create_task(self._until_nobody_waits())
        return await future

    async def _until_nobody_waits(self) -> None:
        batch: list[tuple[I, asyncio.Future[O]]] = []
        try:
            while batch := self._next_batch():
                results = await self._results([item for item, _ in batch])
                for (_, future), result in zip(batch, results, strict=True):
                    if future.done():
                        continue
                    if isinstance(result, Exception):
                        future.set_exception(result)
                    else:
                        future.set_result(result)
        except BaseException as error:
            # Cancelled, or worse: nobody must wait for a round that will never come.
            for _, future in [*batch, *self._waiting]:
                if not future.done():
                    future.set_exception(error)
            self._waiting = []
            raise
        finally:
            self._rounds = None

    def _next_batch(self) -> list[tuple[I, asyncio.Future[O]]]:
        # Who was stopped meanwhile no longer wants it.
        waiting = [one for one in self._waiting if not one[1].cancelled()]
        self._waiting = waiting[_MOST:]
        return waiting[:_MOST]

    async def _results(self, items: Sequence[I]) -> Sequence[O | Exception]:
        try:
            return await self._try(items)
        except Exception as error:  # noqa: BLE001 - whoever asked gets it, and none hangs
            if len(items) == 1 or isinstance(error, Transient):
                return [error] * len(items)
            return [result for item in items for result in await self._results([item])]

    async def _try(self, items: Sequence[I]) -> Sequence[O | Exception]:
        for _ in range(self._tries - 1):
            try:
                return await self._work(items)
            except Transient:
                continue
        return await self._work(items)
