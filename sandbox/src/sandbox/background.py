"""Work that goes on after an answer: deliveries, acknowledgements, removals."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

_log = logging.getLogger(__name__)


class Background:
    """Owns every task and timer of one sandbox, so that a reset leaves nothing behind."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._epoch = 0

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` beside the caller; a failure is logged, never lost."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Call `action` after `seconds`, unless everything was cancelled meanwhile."""
        epoch = self._epoch

        def fire() -> None:
            if epoch == self._epoch:
                action()

        asyncio.get_running_loop().call_later(seconds, fire)

    def cancel(self) -> None:
        """Forget all tasks and timers."""
        self._epoch += 1
        for task in list(self._tasks):
            task.cancel()

    async def aclose(self) -> None:
        """Cancel everything and wait until it has ended."""
        self.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks))

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("background.failed", exc_info=error)
