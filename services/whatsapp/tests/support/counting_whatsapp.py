"""A WhatsApp that counts what really arrives, and fails its callers in every way."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from common.contracts import Content, MessageId, TenantId, Text
from common.errors import OutcomeUnknown, Refused
from whatsapp_service.app.gathering import GatheredRecords
from whatsapp_service.domain.model import SentMessage
from whatsapp_service.domain.ports import LoadedFile, Parcel
from whatsapp_service.providers.evolution.errors import ConnectionClosed

Outcome = Literal[
    "ok", "lost after", "lost before", "slow", "closed", "refused", "dies before", "dies after"
]
IN_CALL = 0


class Death(BaseException):
    """The worker's process ended here."""


@dataclass
class Pause:
    """Where a worker stalls: before its n-th transaction, or (0) after its message left."""

    before: int
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    seen: int = 0
    records: GatheredRecords | None = None
    """Of the worker that stalls: what it was about to write dies with it."""

    async def here(self) -> None:
        self.reached.set()
        await self.over.wait()


PAUSE: ContextVar[Pause | None] = ContextVar("pause", default=None)


_UNSENT: dict[str, BaseException] = {
    "dies before": Death(),
    "closed": ConnectionClosed("closed", retry_after=timedelta(0)),
    "refused": Refused("no"),
    "lost before": OutcomeUnknown("broke off"),
    "slow": OutcomeUnknown("no answer in time"),
}


@dataclass
class Out:
    """A message that really is on somebody's phone."""

    id: str
    jid: str
    text: str
    at: datetime
    told: int = 0


@dataclass
class CountingWhatsApp:
    """The provider, as far as the sender knows it, and the truth of what it did."""

    now: Any
    out: list[Out] = field(default_factory=list)
    slow: list[Parcel] = field(default_factory=list)
    """Calls whose answer was lost, and which may yet be carried out."""
    outcome: Outcome = "ok"
    first: list[Outcome] = field(default_factory=list)
    """What the next calls end with, before `outcome` holds again."""
    _ids: Any = field(default_factory=itertools.count)

    async def send(self, parcel: Parcel) -> SentMessage:
        outcome = self.first.pop(0) if self.first else self.outcome
        if outcome in _UNSENT:
            if outcome == "slow":
                self.slow.append(parcel)
            raise _UNSENT[outcome]
        made = self.deliver(parcel)
        pause = PAUSE.get()
        if pause is not None and pause.before == IN_CALL:
            await pause.here()
        if outcome == "dies after":
            raise Death
        if outcome == "lost after":
            raise OutcomeUnknown("broke off after sending")
        return SentMessage(MessageId(made.id), made.jid, made.at)

    def deliver(self, parcel: Parcel) -> Out:
        assert isinstance(parcel.content, Text)
        made = Out(f"3EB0{next(self._ids):08}", parcel.jid, parcel.content.text, self.now())
        self.out.append(made)
        return made

    async def find_sent(
        self, instance: str, jids: Sequence[str], *, content: Content, since: datetime
    ) -> list[SentMessage]:
        assert isinstance(content, Text)
        return [
            SentMessage(MessageId(one.id), one.jid, one.at)
            for one in self.out
            if one.jid in jids and one.text == content.text and one.at >= since
        ]

    async def show_typing(self, instance: str, jid: str, milliseconds: int) -> None:
        """Nobody looks."""

    async def edit(self, instance: str, target: Any, text: str) -> None:
        """Not of interest here."""

    async def delete(self, instance: str, target: Any) -> None:
        """Not of interest here."""

    async def mark_read(self, instance: str, targets: Any) -> None:
        """Not of interest here."""

    @asynccontextmanager
    async def opened(self, tenant: TenantId, content: Content) -> AsyncGenerator[LoadedFile | None]:
        yield None
