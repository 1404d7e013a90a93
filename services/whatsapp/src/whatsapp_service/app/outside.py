"""The providers of a process: Evolution, the agent service, and where Evolution calls us."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import NamedTuple

from common.auth import Capabilities, InternalTokens, trusted_callers
from common.contracts.trace import current_traceparent
from common.http import ApiClient, ApiProfile, open_wire
from common.telemetry import HttpMetrics
from whatsapp_service.domain.model import Integration
from whatsapp_service.providers.agents import AgentService
from whatsapp_service.providers.evolution import (
    EvolutionArchive,
    EvolutionMessenger,
    EvolutionNumbers,
    WebhookAddress,
    raise_for,
)
from whatsapp_service.settings import Settings

NAME = "whatsapp"
_MAY_CALL = {
    "gateway": frozenset(
        {"channels:read", "channels:write", "conversations:read", "conversations:write"}
    )
}
"""Whose internal tokens we believe, and for what at most."""


class Outside(NamedTuple):
    """The providers of a process."""

    messenger: EvolutionMessenger
    numbers: EvolutionNumbers
    archive: EvolutionArchive
    agents: AgentService


async def open_outside(settings: Settings, stack: AsyncExitStack) -> Outside:
    """Open the connections to the providers, closed with the stack."""
    wire = await stack.enter_async_context(
        open_wire(traceparent=current_traceparent.get, observer=HttpMetrics())
    )
    evolution = ApiProfile(
        provider="evolution",
        base_url=str(settings.evolution_url).rstrip("/"),
        headers={"apikey": settings.evolution_api_key.get_secret_value()},
        raise_for=raise_for,
    )
    agents = ApiProfile(provider="agent", base_url=str(settings.agent_url).rstrip("/"))
    api = ApiClient(wire, evolution)
    return Outside(
        EvolutionMessenger(api),
        EvolutionNumbers(
            api, webhook_of=webhook_address(settings), create_seconds=settings.create_seconds
        ),
        EvolutionArchive(api),
        AgentService(ApiClient(wire, agents), internal_tokens(settings)),
    )


def webhook_address(settings: Settings) -> Callable[[Integration], WebhookAddress]:
    """Say where Evolution shall call for a number, and with which secret."""
    capabilities = Capabilities.parse(settings.capability_keyring)
    base = str(settings.gateway_public_url).rstrip("/")

    def address(integration: Integration) -> WebhookAddress:
        public_id = capabilities.mint(
            tenant_id=integration.tenant,
            integration_id=integration.id,
            provider="evolution",
            generation=integration.generation,
        )
        return WebhookAddress(
            f"{base}/api/webhooks/inbound/{public_id}",
            {"X-Webhook-Secret": capabilities.secret(public_id)},
        )

    return address


def internal_tokens(settings: Settings) -> InternalTokens:
    """Make the tokens we call with, and the judge of those we are called with."""
    trusted = trusted_callers(settings.internal_trusted_keys, _MAY_CALL)
    return InternalTokens(NAME, settings.internal_key, trusted)
