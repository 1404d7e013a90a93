"""Do with one statement what many ask for at once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from common.errors import Transient

T = TypeVar("T")
R = TypeVar("R")

_MOST = 100
"""Asked for at once: what is more waits for the next round."""
_TRIES = 2
"""Postgres breaks a deadlock at the cost of one: the next round is in another order."""


class Together(Generic[T, R]):
    """Gathers what is asked for while a round is on its way; the next round takes all of it.

    Who comes alone does not wait. One that fails costs only itself: the others are done again,
    each alone.
    """

    def __init__(self, do: Callable[[Sequence[T]], Awaitable[Sequence[R]]]) -> None:
        self._together = do
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._rounds: asyncio.Task[None] | None = None

    async def do(self, item: T) -> R:
        """Ask for one, and wait for what becomes of it."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        self._waiting.append((item, future))
        if self._rounds is None:
            self._rounds = loop.create_task(self._go_round())
        return await future

    async def _go_round(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                await self._settle(batch)
        finally:
            self._rounds = None

    async def _settle(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await self._try([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - whoever asked gets it
            if len(batch) > 1 and not isinstance(error, Transient):
                for one in batch:
                    await self._settle([one])
                return
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)

    async def _try(self, items: Sequence[T]) -> Sequence[R]:
        for _ in range(_TRIES - 1):
            try:
                return await self._together(items)
            except Transient:
                continue
        return await self._together(items)
