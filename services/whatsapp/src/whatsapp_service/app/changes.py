"""Who watches a number is told when it changes, in whichever process that happened."""

import asyncio
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any

import asyncpg

from common.contracts import IntegrationId
from common.db import BROKEN, plain_url
from common.telemetry import get_logger
from whatsapp_service.repository import CHANGED

log = get_logger()

_AGAIN_SECONDS = 1.0
_PROBE_SECONDS = 20.0
_STALLED_SECONDS = 120


class Ear:
    """One watcher's view of one number."""

    def __init__(self) -> None:
        self._told = asyncio.Event()
        self.closed = False
        """Whether the process is about to end."""

    def tell(self) -> None:
        """Say that something may have changed."""
        self._told.set()

    def close(self) -> None:
        """Say that nothing more will be told."""
        self.closed = True
        self._told.set()

    async def wait(self, seconds: float) -> bool:
        """Wait for a change; False when there was none for so long."""
        try:
            await asyncio.wait_for(self._told.wait(), seconds)
        except TimeoutError:
            return False
        self._told.clear()
        return True


class NumberChanges:
    """Listens to Postgres on a connection of its own, for everybody in this process.

    A notification is a hint: who hears it reads the row. While the connection is away nobody
    hears, so everybody is told when it is back.
    """

    def __init__(self, url: str) -> None:
        self.name = "changes"
        self._url = plain_url(url)
        self._ears: dict[str, set[Ear]] = {}
        self._closed = False
        self._beat = time.monotonic()

    def not_ready(self) -> str | None:
        """Always ready: watchers read the row now and then anyway."""
        return None

    def stalled(self) -> str | None:
        """Stalled when its loop has not turned for two minutes."""
        age = time.monotonic() - self._beat
        return f"{self.name}: no turn for {age:.0f} s" if age > _STALLED_SECONDS else None

    @contextmanager
    def listen(self, integration_id: IntegrationId) -> Generator[Ear]:
        """Hear of one number."""
        ear = Ear()
        if self._closed:
            ear.close()
        ears = self._ears.setdefault(integration_id, set())
        ears.add(ear)
        try:
            yield ear
        finally:
            ears.discard(ear)
            if not ears:
                self._ears.pop(integration_id, None)

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until `stop` is set, then let everybody go."""
        while not stop.is_set():
            self._beat = time.monotonic()
            try:
                await self._session(stop)
            except BROKEN as error:
                log.warning("changes.interrupted", error=type(error).__name__)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _AGAIN_SECONDS)
        self._closed = True
        for ear in self._everybody():
            ear.close()

    async def _session(self, stop: asyncio.Event) -> None:
        connection = await asyncpg.connect(self._url, timeout=5)
        try:
            woken = asyncio.Event()
            connection.add_termination_listener(lambda _: woken.set())
            await connection.add_listener(CHANGED, self._heard)
            for ear in self._everybody():
                ear.tell()
            stopping = asyncio.ensure_future(stop.wait())
            stopping.add_done_callback(lambda _: woken.set())
            try:
                await self._stay(connection, stop, woken)
            finally:
                stopping.cancel()
        finally:
            connection.terminate()

    async def _stay(
        self, connection: asyncpg.Connection, stop: asyncio.Event, woken: asyncio.Event
    ) -> None:
        while not stop.is_set():
            self._beat = time.monotonic()
            # A connection that went without a word shows when it is used.
            await connection.execute("select 1", timeout=5)
            with suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), _PROBE_SECONDS)

    def _heard(self, _connection: Any, _process: int, _channel: str, payload: Any) -> None:
        for ear in self._ears.get(str(payload), ()):
            ear.tell()

    def _everybody(self) -> list[Ear]:
        return [ear for ears in self._ears.values() for ear in ears]
