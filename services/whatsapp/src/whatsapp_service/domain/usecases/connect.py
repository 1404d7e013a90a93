"""Bind a WhatsApp number to an agent with one click, or leave no trace."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from common.contracts import (
    AgentId,
    ConnectionChanged,
    ConnectionState,
    IntegrationId,
    TenantId,
)
from common.errors import Conflict, InvalidInput, NeedsOperator, NotFound, ParleyError, Transient
from common.places import Place
from whatsapp_service.domain.model import Account, Integration, Transport, instance_name
from whatsapp_service.domain.ports import Agents, Clock, Context, OpenForTenant
from whatsapp_service.domain.ports.care import Errand
from whatsapp_service.domain.ports.numbers import Made, Numbers
from whatsapp_service.domain.usecases.connection import change_state

CHANNEL = "evolution"
_MAKING = timedelta(seconds=90)
"""How long a making that died holds the binding: longer than the provider's slowest create."""
_AT_ONCE = timedelta(0)
_ONCE_MORE = timedelta(minutes=1)
"""What did not answer in time may yet make the number after we had it removed."""
_AHEAD = {ConnectionState.OPEN, ConnectionState.QR}
_HINT = "Nothing was changed. See that the Evolution server is up, then connect the number again."


@dataclass(frozen=True, slots=True)
class Wish:
    """What an operator wants connected."""

    account: Account = field(default_factory=Account)
    token: str | None = field(default=None, repr=False)
    """Meta's token; Cloud API only."""
    name: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            InvalidInput: the Cloud API without a token.
        """
        if self.account.transport is Transport.CLOUD_API and not self.token:
            raise InvalidInput("The Cloud API needs a token.", hint="Make one in Meta's dashboard.")


@dataclass(frozen=True, slots=True)
class Connector:
    """Connects numbers; each step is its own transaction, the provider is called between them."""

    open_for: OpenForTenant
    agents: Agents
    provider: Numbers
    now: Clock
    new_id: Callable[[], IntegrationId]

    async def connect(
        self, tenant: TenantId, agent_id: AgentId, wish: Wish | None = None
    ) -> Integration:
        """Give the agent's number, making it first when there is none; safe to press twice.

        A number that was closed, logged out or deleted is connected anew, with its history.

        Raises:
            NotFound: the tenant has no such agent.
            Conflict: the agent's number is being removed, was deleted meanwhile, or goes
                another way.
            Refused: the provider said no; nothing was kept.
            Transient: the provider is away; nothing was kept.
        """
        wish = wish or Wish()
        if not await self.agents.exists(tenant, agent_id):
            raise NotFound(f"no agent {agent_id}")
        wanted = self._new(tenant, agent_id, wish)
        async with self.open_for(tenant) as context:
            mine = await context.integrations.begin(
                wanted, channel=CHANNEL, until=self.now() + _MAKING
            )
            if mine is None:
                return _same(await existing(context, agent_id), wish)
        try:
            found = await self.provider.create(mine, token=wish.token)
        except ParleyError as error:
            await self._undo(tenant, mine, error)
            error.hint = error.hint or _HINT
            raise
        return await self._keep(tenant, agent_id, mine, found)

    async def _keep(
        self, tenant: TenantId, agent_id: AgentId, mine: Integration, found: Made
    ) -> Integration:
        """Note what the provider has made; undo it where the number was deleted meanwhile."""
        async with self.open_for(tenant) as context:
            kept = await note(context, await existing(context, agent_id), found)
            number = await existing(context, agent_id)
            gone = not kept and (number.deleting or number.state is ConnectionState.DELETED)
            if gone:
                # Its removal may have been over before there was anything to remove.
                await context.care.begin_deletion(mine.id)
                await context.care.want(mine, Errand.DELETE, cause="undone", after=_AT_ONCE)
        if gone:
            raise Conflict("the number was deleted while it was made", hint="connect it anew")
        return number

    def _new(self, tenant: TenantId, agent_id: AgentId, wish: Wish) -> Integration:
        integration_id = self.new_id()
        return Integration(
            id=integration_id,
            tenant=tenant,
            agent_id=agent_id,
            instance=instance_name(integration_id),
            state=ConnectionState.CONNECTING,
            generation=1,
            updated_at=self.now(),
            name=wish.name,
            account=wish.account,
        )

    async def _undo(self, tenant: TenantId, mine: Integration, error: ParleyError) -> None:
        """Leave no half-made integration: here at once, at the provider as soon as it answers.

        A number that was made before and only could not be revived stays as it was.
        """
        async with self.open_for(tenant) as context:
            await context.integrations.remove(mine.id)
            if mine.created or isinstance(error, NeedsOperator):
                return
            if await context.integrations.get(mine.id) is not None:
                # Deleted once, with a history: nobody connects it while it is removed again.
                await context.care.begin_deletion(mine.id)
                await context.care.want(mine, Errand.DELETE, cause="undone", after=_AT_ONCE)
                return
            await context.care.want(mine, Errand.DISCARD, cause="undone", after=_AT_ONCE)
            if isinstance(error, Transient):
                await context.care.want(mine, Errand.DISCARD, cause="undone", after=_ONCE_MORE)

    async def status(self, tenant: TenantId, agent_id: AgentId) -> Integration:
        """Read where the agent's number stands.

        Raises:
            NotFound: the agent has no number, or is not the tenant's.
        """
        async with self.open_for(tenant) as context:
            return await existing(context, agent_id)

    async def every(self, tenant: TenantId, *, after: Place, limit: int) -> list[Integration]:
        """List the tenant's numbers from a place on, those that changed last first."""
        async with self.open_for(tenant) as context:
            return await context.integrations.all(after=after, limit=limit)

    async def qr(self, tenant: TenantId, agent_id: AgentId) -> Integration:
        """Read the code to be scanned.

        Raises:
            Conflict: there is nothing to scan: the number is connected.
            NotFound: no number, or no code yet.
        """
        integration = await self.status(tenant, agent_id)
        if integration.state in {ConnectionState.OPEN, ConnectionState.DEGRADED}:
            raise Conflict("the number is connected: there is no code to scan")
        if integration.qr_image is None:
            raise NotFound("there is no QR code yet", hint="ask again in a few seconds")
        return integration


async def note(context: Context, integration: Integration, made: Made) -> bool:
    """Note that the provider has the instance, and show its first code.

    Webhooks may have been faster: they know more than a slow answer. False when an operator
    was faster, and deleted the number.
    """
    if integration.state not in _AHEAD:
        state = ConnectionState.CONNECTING
        if made.is_open:
            state = ConnectionState.OPEN
        elif made.qr is not None and await context.integrations.show_qr(integration.id, made.qr):
            state = ConnectionState.QR
        change = ConnectionChanged(integration_id=integration.id, state=state)
        for event in await change_state(context, integration, change):
            context.outbox.add(event, tenant=integration.tenant)
    # Last: until then it counts as being made, which lets a deleted one be told of again.
    return await context.integrations.created(integration, token=made.token)


def _same(found: Integration, wish: Wish) -> Integration:
    if found.deleting:
        raise Conflict("the agent's number is being removed", hint="try again in a minute")
    if found.account.transport is not wish.account.transport:
        raise Conflict(
            f"the agent has a number by way of {found.account.transport} already",
            hint="delete it first",
        )
    return found


async def existing(context: Context, agent_id: str) -> Integration:
    """Find the number of an agent.

    Raises:
        NotFound: it has none, or is not this tenant's.
    """
    found = await context.integrations.of_agent(agent_id, CHANNEL)
    if found is None:
        raise NotFound(f"agent {agent_id} has no WhatsApp number", hint="connect one first")
    return found
