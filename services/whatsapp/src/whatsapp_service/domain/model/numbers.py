"""A business's WhatsApp numbers, and how they stand."""

from dataclasses import dataclass
from datetime import datetime

from common.contracts import AgentId, ConnectionState, IntegrationId, TenantId


@dataclass(frozen=True, slots=True)
class Integration:
    """One WhatsApp number of a tenant, and the agent that answers it."""

    id: IntegrationId
    tenant: TenantId
    agent_id: AgentId
    instance: str
    state: ConnectionState
    generation: int
    updated_at: datetime
    created: bool = False
    """Whether the provider has the instance; False while it is being made."""
    reason: str | None = None
    phone: str | None = None
    profile_name: str | None = None
    qr_image: str | None = None
    """The QR code as a data URI."""
    qr_code: str | None = None
    pairing_code: str | None = None
    qr_at: datetime | None = None


def instance_name(integration: IntegrationId) -> str:
    """Name the provider's instance: strict characters, unique, and ours at a glance.

    Evolution accepts an empty name and can then never delete it, so we never let it choose.
    """
    return f"parley-{integration.removeprefix('int_')}"


@dataclass(frozen=True, slots=True)
class Qr:
    """A code to be scanned."""

    code: str | None
    image: str | None
    pairing_code: str | None = None
