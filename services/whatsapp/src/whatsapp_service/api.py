"""Numbers over HTTP: connect one to an agent, see how it stands, scan its code, read its chats."""

import base64
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AwareDatetime, BaseModel

from common.auth import Principal
from common.contracts import AgentId, ConnectionState, TenantId
from common.service import principal
from whatsapp_service.domain.model import Integration
from whatsapp_service.domain.usecases.connect import Connector

router = APIRouter(prefix="/api")

Reader = Annotated[Principal, Depends(principal("channels:read"))]
Writer = Annotated[Principal, Depends(principal("channels:write"))]
ChatReader = Annotated[Principal, Depends(principal("conversations:read"))]

_PNG = "data:image/png;base64,"


class ReadsChats(Protocol):
    """What the read routes need: rows of one tenant, as the database lets it see them."""

    async def chats(self, tenant: TenantId, *, limit: int) -> list[dict[str, Any]]:
        """List chats, the most recent first."""

    async def messages(self, tenant: TenantId, chat_id: str, *, limit: int) -> list[dict[str, Any]]:
        """List a chat's messages, the newest first, each with how far it came."""

    async def lanes(self, tenant: TenantId, *, limit: int) -> list[dict[str, Any]]:
        """List chats with messages that wait to be sent, and why."""


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


class QrView(BaseModel):
    """A code to be scanned with the phone."""

    qrcode: str
    """A data URI, to be shown as an image."""
    code: str | None
    pairing_code: str | None
    refreshed_at: AwareDatetime | None


def _connector(request: Request) -> Connector:
    connector: Connector = request.app.state.connector
    return connector


def _reads(request: Request) -> ReadsChats:
    reads: ReadsChats = request.app.state.reads
    return reads


Connects = Annotated[Connector, Depends(_connector)]
Reads = Annotated[ReadsChats, Depends(_reads)]
Limit = Annotated[int, Query(ge=1, le=200)]


@router.post("/agents/{agent_id}/channels/evolution/connect")
async def connect_number(agent_id: str, caller: Writer, connector: Connects) -> ConnectionView:
    """Connect a WhatsApp number to the agent; pressed twice, it answers the same number."""
    found = await connector.connect(TenantId(caller.tenant_id), AgentId(agent_id))
    return _view(found)


@router.get("/agents/{agent_id}/channels/evolution/status")
async def show_status(agent_id: str, caller: Reader, connector: Connects) -> ConnectionView:
    """Show where the agent's number stands."""
    return _view(await connector.status(TenantId(caller.tenant_id), AgentId(agent_id)))


@router.get(
    "/agents/{agent_id}/channels/evolution/qrcode",
    response_model=QrView,
    responses={200: {"content": {"image/png": {}}}},
)
async def show_qr(
    agent_id: str,
    caller: Reader,
    connector: Connects,
    accept: Annotated[str, Header()] = "application/json",
) -> Response:
    """Show the QR code: JSON with a data URI, or the image itself for `Accept: image/png`."""
    found = await connector.qr(TenantId(caller.tenant_id), AgentId(agent_id))
    image = found.qr_image or ""
    if "image/png" in accept and image.startswith(_PNG):
        png = base64.b64decode(image.removeprefix(_PNG))
        return Response(png, media_type="image/png", headers={"cache-control": "no-store"})
    view = QrView(
        qrcode=image,
        code=found.qr_code,
        pairing_code=found.pairing_code,
        refreshed_at=found.qr_at,
    )
    return JSONResponse(view.model_dump(mode="json"), headers={"cache-control": "no-store"})


@router.get("/chats")
async def list_chats(caller: ChatReader, reads: Reads, limit: Limit = 50) -> list[dict[str, Any]]:
    """List the tenant's chats, the most recent first."""
    return await reads.chats(TenantId(caller.tenant_id), limit=limit)


@router.get("/chats/{chat_id}/messages")
async def list_messages(
    chat_id: str, caller: ChatReader, reads: Reads, limit: Limit = 50
) -> list[dict[str, Any]]:
    """List a chat's messages, the newest first, each with how far it came."""
    return await reads.messages(TenantId(caller.tenant_id), chat_id, limit=limit)


@router.get("/lanes")
async def list_lanes(caller: ChatReader, reads: Reads, limit: Limit = 50) -> list[dict[str, Any]]:
    """List chats whose messages wait to be sent, the held ones first, and why."""
    return await reads.lanes(TenantId(caller.tenant_id), limit=limit)


def _view(integration: Integration) -> ConnectionView:
    return ConnectionView(
        integration_id=integration.id,
        agent_id=integration.agent_id,
        instance=integration.instance,
        state=integration.state,
        reason=integration.reason,
        phone=integration.phone,
        profile_name=integration.profile_name,
        qr_available=integration.qr_image is not None,
        updated_at=integration.updated_at,
    )
