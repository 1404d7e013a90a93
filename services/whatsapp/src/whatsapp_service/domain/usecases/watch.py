"""Look after numbers: what no webhook tells is asked, and concluded from what arrives."""

from dataclasses import dataclass, field
from datetime import timedelta

from common.contracts import ConnectionChanged, ConnectionState
from common.errors import NeedsOperator, ParleyError
from whatsapp_service.domain.model import (
    ALIVE,
    Integration,
    Patience,
    Sighting,
    Traffic,
    Transport,
    judge,
)
from whatsapp_service.domain.ports import Clock, Context, Opener
from whatsapp_service.domain.ports.care import Errand
from whatsapp_service.domain.ports.numbers import InstanceGone, Numbers
from whatsapp_service.domain.usecases.connect import note
from whatsapp_service.domain.usecases.connection import REPAIR_AFTER, change_state

_QUIET = timedelta(minutes=15)
_LOOK_BACK = timedelta(minutes=30)
_NOTHING_SENT = Traffic(0, 0, 0)
_GONE = "Evolution no longer has this number: it was removed there. Connect it again."
_AWAY = "The Evolution server does not answer. It is asked again and again."


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often numbers are looked at."""

    check: timedelta
    sweep: timedelta
    silence: timedelta
    """So long after sending, an acknowledgement is overdue."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Checks numbers; any worker may, and no two check one at once."""

    open_context: Opener
    provider: Numbers
    now: Clock
    rhythm: Rhythm
    patience: Patience = field(default_factory=Patience)

    async def due(self, count: int) -> list[Integration]:
        """Take numbers whose check is due."""
        async with self.open_context() as context:
            return await context.care.due(count, every=self.rhythm.check)

    async def begin(self) -> None:
        """After a start: compare the numbers that were quiet meanwhile, or cut off from us."""
        async with self.open_context() as context:
            await context.care.sweep_quiet(self.now() - _QUIET)

    async def census(self) -> dict[str, int]:
        """Count the numbers by their state."""
        async with self.open_context() as context:
            return await context.care.census()

    async def check(self, number: Integration) -> None:
        """Ask how a number stands, and say so when it is news."""
        if not number.created:
            await self._finish_making(number)
            return
        try:
            seen = await self.provider.state(number)
        except InstanceGone:
            await self._move(number, ConnectionState.DELETED, _GONE)
        except ParleyError as error:
            await self._missed(number, error)
        else:
            await self._conclude(number, seen)

    async def _finish_making(self, number: Integration) -> None:
        """Settle a making that was cut off: take over what there is, or leave no trace."""
        try:
            made = await self.provider.adopt(number)
        except InstanceGone:
            async with self.open_context() as context:
                await context.integrations.remove(number.id)
            return
        async with self.open_context() as context:
            await note(context, number, made)

    async def _missed(self, number: Integration, error: ParleyError) -> None:
        async with self.open_context() as context:
            missed = await context.care.missed(number.id, self.rhythm.check / 4)
        if missed >= self.patience.unanswered and number.state in ALIVE | _BEGUN:
            told = isinstance(error, NeedsOperator)
            await self._move(
                number, ConnectionState.CLOSED, f"{error} {error.hint}" if told else _AWAY
            )

    async def _conclude(self, number: Integration, seen: Sighting) -> None:
        await self._look_for_code(number, seen)
        async with self.open_context() as context:
            await context.care.answered(number.id)
            traffic = await self._traffic(context, number)
            found = judge(number, seen, traffic, self.now(), self.patience)
            if found is not None:
                await _change(context, number, *found)
            elif number.state in ALIVE and await context.care.sweep_due(
                number.id, every=self.rhythm.sweep
            ):
                await context.care.want(number, Errand.REPAIR, cause="schedule", after=REPAIR_AFTER)

    async def _traffic(self, context: Context, number: Integration) -> Traffic:
        tells = number.account.transport is not Transport.EVOLUTION
        if number.state is not ConnectionState.OPEN or not tells:
            return _NOTHING_SENT
        until = self.now() - self.rhythm.silence
        return await context.care.traffic(number.id, since=until - _LOOK_BACK, until=until)

    async def _look_for_code(self, number: Integration, seen: Sighting) -> None:
        """Get the code of a number that waits to be scanned, when no webhook brought one."""
        waits = number.state is ConnectionState.CONNECTING and number.phone is None
        if not waits or seen.state is not ConnectionState.CONNECTING:
            return
        try:
            qr = await self.provider.fetch_qr(number)
        except ParleyError:
            return
        if qr is not None:
            async with self.open_context() as context:
                if await context.integrations.show_qr(number.id, qr):
                    await _change(context, number, ConnectionState.QR, None)

    async def _move(self, number: Integration, state: ConnectionState, reason: str) -> None:
        async with self.open_context() as context:
            await _change(context, number, state, reason)


_BEGUN = {ConnectionState.CONNECTING, ConnectionState.QR}


async def _change(
    context: Context, number: Integration, state: ConnectionState, reason: str | None
) -> None:
    """Move a number, unless somebody told of it since we looked: he knows better."""
    change = ConnectionChanged(integration_id=number.id, state=state, reason=reason)
    current = await context.integrations.get(number.id)
    if current is None or current.updated_at != number.updated_at:
        return
    for event in await change_state(context, number, change):
        context.outbox.add(event, tenant=number.tenant)
