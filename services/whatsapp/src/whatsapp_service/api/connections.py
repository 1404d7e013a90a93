"""Numbers over HTTP: connect one to an agent, see how it stands, scan its code."""

import base64
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import JSONResponse, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr

from common.contracts import AgentId, TenantId
from common.places import TOP, Place
from common.service import PAGED
from whatsapp_service.api.views import ConnectionView, Connects, Limit, Page, Reader, Writer
from whatsapp_service.domain.model import Account, Integration, Transport, number_name, phone_digits
from whatsapp_service.domain.usecases.connect import Wish

router = APIRouter()

_PNG = "data:image/png;base64,"


class ConnectOrder(BaseModel):
    """What to connect; an empty body is a phone that scans a QR code."""

    model_config = ConfigDict(extra="forbid")

    channel: Transport = Transport.BAILEYS
    number: str | None = Field(None, max_length=64)
    """The phone a pairing code is wanted for; on the Cloud API its phone_number_id."""
    token: SecretStr | None = None
    """Meta's token; Cloud API only."""
    business_id: str | None = Field(None, max_length=64)
    """The WhatsApp Business Account; Cloud API only."""
    name: str | None = Field(None, min_length=1, max_length=100)

    def wish(self) -> Wish:
        """Say it in the domain's words.

        Raises:
            InvalidInput: something is missing, or the phone or the name is none.
        """
        number = self.number
        if number is not None and self.channel is Transport.BAILEYS:
            number = phone_digits(number)
        token = None if self.token is None else self.token.get_secret_value()
        name = None if self.name is None else number_name(self.name)
        return Wish(Account(self.channel, number, self.business_id), token, name)


class QrView(BaseModel):
    """A code to be scanned with the phone."""

    qrcode: str
    """A data URI, to be shown as an image."""
    code: str | None
    pairing_code: str | None
    refreshed_at: AwareDatetime | None

    @classmethod
    def of(cls, integration: Integration) -> "QrView":
        """Show a number's code."""
        return cls(
            qrcode=integration.qr_image or "",
            code=integration.qr_code,
            pairing_code=integration.pairing_code,
            refreshed_at=integration.qr_at,
        )


@router.get("/integrations/whatsapp", responses=PAGED)
async def list_numbers(
    caller: Reader, connector: Connects, page: Page, limit: Limit = 50
) -> list[ConnectionView]:
    """List the tenant's numbers, those that changed last first, page by page.

    One that changes while you turn the pages goes to the top of the first.
    """
    after = page.after(TOP)
    found = await connector.every(TenantId(caller.tenant_id), after=after, limit=limit + 1)
    shown = page.cut(found, limit, lambda one: Place(one.updated_at, one.id))
    return [ConnectionView.of(one) for one in shown]


@router.post("/agents/{agent_id}/channels/evolution/connect")
async def connect_number(
    agent_id: str, caller: Writer, connector: Connects, order: ConnectOrder | None = None
) -> ConnectionView:
    """Connect a WhatsApp number to the agent; pressed twice, it answers the same number."""
    wish = (order or ConnectOrder()).wish()
    found = await connector.connect(TenantId(caller.tenant_id), AgentId(agent_id), wish)
    return ConnectionView.of(found)


@router.get("/agents/{agent_id}/channels/evolution/status")
async def show_status(agent_id: str, caller: Reader, connector: Connects) -> ConnectionView:
    """Show where the agent's number stands, as far as we were told: Evolution is not asked."""
    found = await connector.status(TenantId(caller.tenant_id), AgentId(agent_id))
    return ConnectionView.of(found)


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
    view = QrView.of(found).model_dump(mode="json")
    return JSONResponse(view, headers={"cache-control": "no-store"})
