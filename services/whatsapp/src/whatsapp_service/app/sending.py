"""What sends: the workers of replies and of broadcasts, and the clock that keeps their pace."""

import asyncio
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from common.contracts import utc_now
from common.db import Database
from common.errors import Transient
from common.service import Component
from common.storage import ObjectStore
from common.telemetry import get_logger
from whatsapp_service.app.contexts import Wake, when_parked
from whatsapp_service.app.gathering import GatheredRecords, GatheredSendings
from whatsapp_service.domain.model import KnownWords
from whatsapp_service.domain.ports import Messenger, Opener
from whatsapp_service.domain.usecases.pacing import PaceKeeper
from whatsapp_service.domain.usecases.send import Sender, Waits
from whatsapp_service.jobs import sending
from whatsapp_service.providers.outgoing_files import OutgoingFiles
from whatsapp_service.repository import BROADCASTS, SENDS, PostgresSendings
from whatsapp_service.settings import Settings

log = get_logger()

_STALLED_SECONDS = 120
_SHARE_OF_BROADCASTS = 4
"""Of the concurrency of replies, broadcasts have this part: they are paced, and in no hurry."""


@dataclass(frozen=True, slots=True)
class SendingGround:
    """What the senders of a process stand on."""

    database: Database
    open_context: Opener
    messenger: Messenger
    store: ObjectStore


def sending_parts(
    settings: Settings, ground: SendingGround, wake: Wake, words: KnownWords
) -> list[Component]:
    """Make what sends, and let `wake` reach it."""
    waits = Waits(settings.settle_after, timedelta(seconds=settings.give_up_seconds))
    files = OutgoingFiles(ground.store)
    sender = Sender(
        ground.open_context,
        GatheredSendings(PostgresSendings(ground.database)),
        GatheredRecords(ground.open_context),
        ground.messenger,
        files,
        utc_now,
        waits,
    )
    share = max(1, settings.send_concurrency // _SHARE_OF_BROADCASTS)
    workers = {
        queue.name: sending(
            ground.database,
            replace(queue, lease=settings.send_lease),
            sender,
            when_parked,
            concurrency=concurrency,
        )
        for queue, concurrency in ((SENDS, settings.send_concurrency), (BROADCASTS, share))
    }

    def tell(queues: Collection[str]) -> None:
        for name in queues:
            workers[name].nudge()

    wake.sender = tell
    keeper = PaceKeeper(ground.open_context, words)
    return [*workers.values(), PaceClock(keeper, every=settings.pace_seconds)]


class PaceClock:
    """Has the pace of all numbers looked at, now and then."""

    def __init__(self, keeper: PaceKeeper, *, every: float) -> None:
        self.name = "pace"
        self._keeper = keeper
        self._every = every
        self._beat = time.monotonic()

    def not_ready(self) -> str | None:
        """Always ready: without it numbers keep the pace they have."""
        return None

    def stalled(self) -> str | None:
        """Stalled when it has not turned for two minutes longer than it sleeps."""
        age = time.monotonic() - self._beat
        late = age > self._every + _STALLED_SECONDS
        return f"{self.name}: no turn for {age:.0f} s" if late else None

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set."""
        while not stop.is_set():
            self._beat = time.monotonic()
            try:
                await self._keeper.turn()
            except Transient as error:
                log.warning("pace.interrupted", error=str(error))
            except Exception:
                # A bug here leaves paces as they are, which stops no message.
                log.exception("pace.failed")
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._every)
