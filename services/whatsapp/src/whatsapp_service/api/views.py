"""What the doors share: who may call, where the use cases are, how a number is shown."""

from datetime import timedelta
from typing import Annotated, Any, Protocol

from fastapi import Depends, Query, Request
from pydantic import AwareDatetime, BaseModel

from common.auth import Principal
from common.contracts import ConnectionState, IntegrationId, TenantId
from common.places import Place
from common.service import Pages, principal
from whatsapp_service.domain.model import Integration, Transport
from whatsapp_service.domain.ports.places import MessagePlace
from whatsapp_service.domain.usecases.connect import Connector
from whatsapp_service.domain.usecases.operate import Operator

Reader = Annotated[Principal, Depends(principal("channels:read"))]
Writer = Annotated[Principal, Depends(principal("channels:write"))]
ChatReader = Annotated[Principal, Depends(principal("conversations:read"))]
ChatWriter = Annotated[Principal, Depends(principal("conversations:write"))]
Limit = Annotated[int, Query(ge=1, le=200)]
Page = Annotated[Pages, Depends()]


class ReadsChats(Protocol):
    """What the read routes need: rows of one tenant, as the database lets it see them."""

    async def chats(self, tenant: TenantId, *, after: Place, limit: int) -> list[dict[str, Any]]:
        """List chats from a place on, the most recent first."""

    async def messages(
        self, tenant: TenantId, chat_id: str, *, after: MessagePlace, limit: int
    ) -> list[dict[str, Any]]:
        """List a chat's messages from a place on, the newest first, each with its journey."""

    async def sweeps(
        self, tenant: TenantId, integration_id: IntegrationId, *, after: Place, limit: int
    ) -> list[dict[str, Any]]:
        """List comparisons of a number with Evolution from a place on, the newest first."""


class ConnectionView(BaseModel):
    """Where an agent's number stands."""

    integration_id: str
    agent_id: str
    instance: str
    state: ConnectionState
    reason: str | None
    phone: str | None
    profile_name: str | None
    qr_available: bool
    updated_at: AwareDatetime
    name: str | None = None
    """What operators call it."""
    channel: Transport = Transport.BAILEYS
    deleting: bool = False
    """Whether Evolution still has to let go of it."""

    @classmethod
    def of(cls, integration: Integration) -> "ConnectionView":
        """Show a number."""
        return cls(
            integration_id=integration.id,
            agent_id=integration.agent_id,
            instance=integration.instance,
            state=integration.state,
            reason=integration.reason,
            phone=integration.phone,
            profile_name=integration.profile_name,
            qr_available=integration.qr_image is not None,
            updated_at=integration.updated_at,
            name=integration.name,
            channel=integration.account.transport,
            deleting=integration.deleting,
        )


def _connector(request: Request) -> Connector:
    connector: Connector = request.app.state.connector
    return connector


def _operator(request: Request) -> Operator:
    operator: Operator = request.app.state.operator
    return operator


def _grace(request: Request) -> timedelta:
    grace: timedelta = request.app.state.grace
    return grace


def _reads(request: Request) -> ReadsChats:
    reads: ReadsChats = request.app.state.reads
    return reads


Connects = Annotated[Connector, Depends(_connector)]
Operates = Annotated[Operator, Depends(_operator)]
Grace = Annotated[timedelta, Depends(_grace)]
Reads = Annotated[ReadsChats, Depends(_reads)]
