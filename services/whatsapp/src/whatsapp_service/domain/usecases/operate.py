"""What an operator orders for a number that there is."""

from dataclasses import dataclass
from datetime import timedelta

from common.contracts import AgentId, ConnectionChanged, ConnectionState, TenantId
from common.errors import Conflict
from whatsapp_service.domain.model import ALIVE, Integration, Qr, number_name, phone_digits
from whatsapp_service.domain.ports import OpenForTenant
from whatsapp_service.domain.ports.care import Errand
from whatsapp_service.domain.ports.numbers import Numbers
from whatsapp_service.domain.usecases.connect import existing
from whatsapp_service.domain.usecases.connection import REPAIR_AFTER, change_state

_AT_ONCE = timedelta(0)
_UNLINKED = "An operator disconnected this number. Reconnect it and scan the QR code again."
_REMOVED = "An operator deleted this number."


@dataclass(frozen=True, slots=True)
class Operator:
    """Orders; what must not be lost half-way is only asked for here, and done in a lane."""

    open_for: OpenForTenant
    provider: Numbers

    async def disconnect(self, tenant: TenantId, agent_id: AgentId) -> Integration:
        """Unlink the number from its phone; it has to be scanned again.

        Raises:
            Conflict: it has no phone to be unlinked from, or is being removed.
        """
        number = await self._usable(tenant, agent_id)
        if not number.account.transport.is_scanned:
            raise Conflict("this channel has no phone to be unlinked from", hint="delete it")
        await self.provider.log_out(number)
        return await self._move(tenant, number, ConnectionState.NEEDS_SCAN, _UNLINKED)

    async def reconnect(self, tenant: TenantId, agent_id: AgentId) -> Integration:
        """Connect the number anew: without a scan where WhatsApp still knows it.

        Raises:
            Conflict: it is being made or removed, or was deleted meanwhile.
        """
        number = await self._usable(tenant, agent_id)
        # Said before the call: what the provider tells while it works is newer than this.
        await self._move(tenant, number, ConnectionState.CONNECTING, None, ordered=True)
        if number.state in ALIVE and await self.provider.restart(number):
            return await self._usable(tenant, agent_id)
        qr = await self.provider.fetch_qr(number)
        if qr is not None:
            return await self._show(tenant, number, qr)
        return await self._usable(tenant, agent_id)

    async def pairing_code(self, tenant: TenantId, agent_id: AgentId, phone: str) -> Integration:
        """Get a code to be typed into the phone, for who cannot scan.

        Raises:
            InvalidInput: the phone is none.
            Conflict: the number is connected, or there is no code yet.
        """
        digits = phone_digits(phone)
        number = await self._usable(tenant, agent_id)
        if number.state in ALIVE:
            raise Conflict("the number is connected: there is nothing to pair")
        qr = await self.provider.fetch_qr(number, phone=digits)
        if qr is None or not qr.pairing_code:
            # While a QR code is on show Evolution answers with that one: begin again.
            await self.provider.log_out(number)
            qr = await self.provider.fetch_qr(number, phone=digits)
        if qr is None or not qr.pairing_code:
            raise Conflict("there is no pairing code yet", hint="ask again in a few seconds")
        return await self._show(tenant, number, qr)

    async def rename(self, tenant: TenantId, agent_id: AgentId, name: str) -> Integration:
        """Call the number something.

        Raises:
            InvalidInput: the name is none.
        """
        plain = number_name(name)
        async with self.open_for(tenant) as context:
            await context.care.rename((await existing(context, agent_id)).id, plain)
        return await self._read(tenant, agent_id)

    async def rotate(self, tenant: TenantId, agent_id: AgentId, *, grace: timedelta) -> Integration:
        """Give the number's webhook a new address and secret, without losing an event.

        The old ones are believed until Evolution has the new ones, and for `grace` after that.
        Without a grace they leaked: none is believed from now on, and what Evolution still
        brings to one is found by comparison.

        Raises:
            Conflict: the one before is still believed, or the number is being made or removed.
        """
        async with self.open_for(tenant) as context:
            number = _usable(await existing(context, agent_id))
            if not await context.care.rotate(number.id, leaked=not grace):
                # Read anew: somebody else rotated or deleted it since.
                number = _usable(await existing(context, agent_id))
                raise Conflict(
                    "the address before the present one is still believed",
                    hint=f"rotate again after {number.previous_until:%H:%M:%S} UTC, "
                    "or with grace_seconds 0 when one of them leaked",
                )
            cause = f"{grace.total_seconds():g}"
            await context.care.want(number, Errand.ROTATE, cause=cause, after=_AT_ONCE)
        return await self._read(tenant, agent_id)

    async def delete(self, tenant: TenantId, agent_id: AgentId) -> Integration:
        """Remove the number; its chats stay. Ordered twice, it is done once."""
        async with self.open_for(tenant) as context:
            number = await existing(context, agent_id)
            if await context.care.begin_deletion(number.id):
                gone = ConnectionChanged(
                    integration_id=number.id, state=ConnectionState.DELETED, reason=_REMOVED
                )
                for event in await change_state(context, number, gone):
                    context.outbox.add(event, tenant=tenant)
                await context.care.wake(number.id)
                await context.care.want(number, Errand.DELETE, cause="asked", after=_AT_ONCE)
        return await self._read(tenant, agent_id)

    async def repair(self, tenant: TenantId, agent_id: AgentId) -> Integration:
        """Compare what Evolution has with what we have, soon.

        Raises:
            Conflict: the number is being made or removed.
        """
        async with self.open_for(tenant) as context:
            number = _usable(await existing(context, agent_id))
            await context.care.want(number, Errand.REPAIR, cause="asked", after=REPAIR_AFTER)
        return number

    async def _read(self, tenant: TenantId, agent_id: AgentId) -> Integration:
        async with self.open_for(tenant) as context:
            return await existing(context, agent_id)

    async def _usable(self, tenant: TenantId, agent_id: AgentId) -> Integration:
        return _usable(await self._read(tenant, agent_id))

    async def _move(
        self,
        tenant: TenantId,
        number: Integration,
        state: ConnectionState,
        reason: str | None,
        *,
        ordered: bool = False,
    ) -> Integration:
        """Move a number, and give it; what was deleted since it was read does not move."""
        change = ConnectionChanged(integration_id=number.id, state=state, reason=reason)
        async with self.open_for(tenant) as context:
            for event in await change_state(context, number, change, ordered=ordered):
                context.outbox.add(event, tenant=tenant)
            return _usable(await existing(context, number.agent_id))

    async def _show(self, tenant: TenantId, number: Integration, qr: Qr) -> Integration:
        """Keep a code, and give the number with it.

        Read before anybody else can change it: the end of the session before, which a webhook
        tells, takes codes away.
        """
        async with self.open_for(tenant) as context:
            if await context.integrations.show_qr(number.id, qr):
                change = ConnectionChanged(integration_id=number.id, state=ConnectionState.QR)
                for event in await change_state(context, number, change):
                    context.outbox.add(event, tenant=tenant)
            return _usable(await existing(context, number.agent_id))


def _usable(number: Integration) -> Integration:
    if number.deleting or number.state is ConnectionState.DELETED:
        raise Conflict("the number was deleted", hint="connect it anew")
    if not number.created:
        raise Conflict("the number is still being made", hint="try again in a minute")
    return number
