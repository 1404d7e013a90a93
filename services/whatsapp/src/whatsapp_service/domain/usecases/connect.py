"""Bind a WhatsApp number to an agent with one click, or leave no trace."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from common.contracts import (
    AgentId,
    ConnectionChanged,
    ConnectionState,
    IntegrationId,
    TenantId,
)
from common.errors import Conflict, NotFound, ParleyError
from whatsapp_service.domain.model import Integration, Qr, instance_name
from whatsapp_service.domain.ports import Agents, Clock, Context, OpenForTenant, Provider
from whatsapp_service.domain.usecases.connection import change_state

CHANNEL = "evolution"
_MAKING = timedelta(seconds=90)
"""How long a making that died holds the binding: longer than the provider's slowest create."""
_AHEAD = {ConnectionState.OPEN, ConnectionState.QR}
_HINT = "Nothing was changed. See that the Evolution server is up, then connect the number again."


@dataclass(frozen=True, slots=True)
class Connector:
    """Connects numbers; each step is its own transaction, the provider is called between them."""

    open_for: OpenForTenant
    agents: Agents
    provider: Provider
    now: Clock
    new_id: Callable[[], IntegrationId]

    async def connect(self, tenant: TenantId, agent_id: AgentId) -> Integration:
        """Give the agent's number, making it first when there is none; safe to press twice.

        A number that was closed, logged out or deleted is connected anew, with its history.

        Raises:
            NotFound: the tenant has no such agent.
            Refused: the provider said no; nothing was kept.
            Transient: the provider is away; nothing was kept.
        """
        if not await self.agents.exists(tenant, agent_id):
            raise NotFound(f"no agent {agent_id}")
        wanted = self._new(tenant, agent_id)
        async with self.open_for(tenant) as context:
            mine = await context.integrations.begin(
                wanted, channel=CHANNEL, until=self.now() + _MAKING
            )
            if mine is None:
                return await _existing(context, agent_id)
        try:
            token, qr = await self.provider.create(mine)
        except ParleyError as error:
            await self._undo(tenant, mine)
            error.hint = error.hint or _HINT
            raise
        async with self.open_for(tenant) as context:
            await context.integrations.created(mine, token=token)
            await _show(context, await _existing(context, agent_id), qr)
            return await _existing(context, agent_id)

    def _new(self, tenant: TenantId, agent_id: AgentId) -> Integration:
        integration_id = self.new_id()
        return Integration(
            id=integration_id,
            tenant=tenant,
            agent_id=agent_id,
            instance=instance_name(integration_id),
            state=ConnectionState.CONNECTING,
            generation=1,
            updated_at=self.now(),
        )

    async def _undo(self, tenant: TenantId, integration: Integration) -> None:
        """Leave no half-made integration, here or (as far as it answers) at the provider.

        A number that was made before and only could not be revived stays as it was.
        """
        async with self.open_for(tenant) as context:
            await context.integrations.remove(integration.id)
        if not integration.created:
            await self.provider.delete(integration)

    async def status(self, tenant: TenantId, agent_id: AgentId) -> Integration:
        """Read where the agent's number stands.

        Raises:
            NotFound: the agent has no number, or is not the tenant's.
        """
        async with self.open_for(tenant) as context:
            return await _existing(context, agent_id)

    async def qr(self, tenant: TenantId, agent_id: AgentId) -> Integration:
        """Read the code to be scanned, asking the provider for one when there is none.

        Raises:
            Conflict: there is nothing to scan: the number is connected.
            NotFound: no number, or no code yet.
        """
        integration = await self.status(tenant, agent_id)
        if integration.state is ConnectionState.OPEN:
            raise Conflict("the number is connected: there is no code to scan")
        if integration.qr_image is None and integration.created:
            fetched = await self.provider.fetch_qr(integration)
            if fetched is not None:
                integration = await self._keep(tenant, integration, fetched)
        if integration.qr_image is None:
            raise NotFound("there is no QR code yet", hint="ask again in a few seconds")
        return integration

    async def _keep(self, tenant: TenantId, integration: Integration, qr: Qr) -> Integration:
        async with self.open_for(tenant) as context:
            await context.integrations.show_qr(integration.id, qr)
        return replace(
            integration, qr_image=qr.image, qr_code=qr.code, pairing_code=qr.pairing_code
        )


async def _show(context: Context, integration: Integration, qr: Qr | None) -> None:
    """Show the first code, unless webhooks were faster: they know more than a slow answer."""
    if integration.state in _AHEAD:
        return
    state = ConnectionState.CONNECTING
    if qr is not None and await context.integrations.show_qr(integration.id, qr):
        state = ConnectionState.QR
    change = ConnectionChanged(integration_id=integration.id, state=state)
    for event in await change_state(context, integration, change):
        context.outbox.add(event, tenant=integration.tenant)


async def _existing(context: Context, agent_id: AgentId) -> Integration:
    found = await context.integrations.of_agent(agent_id, CHANNEL)
    if found is None:
        raise NotFound(f"agent {agent_id} has no WhatsApp number", hint="connect one first")
    return found
