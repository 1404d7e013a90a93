"""What sends: the workers of replies and of broadcasts, and the clock that keeps their pace."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta

from common.contracts import utc_now
from common.db import Database
from common.service import Clock, Component
from common.storage import ObjectStore
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
    return [*workers.values(), Clock("pace", keeper.turn, every=settings.pace_seconds)]
