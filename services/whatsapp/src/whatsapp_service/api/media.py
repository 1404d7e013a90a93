"""The files of messages over HTTP: a link that lasts minutes, and the file behind it."""

from typing import Annotated, NamedTuple, Protocol
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, status
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel

from common.contracts import IntegrationId, MessageId, TenantId
from whatsapp_service.api.views import ChatReader, ChatWriter
from whatsapp_service.domain.model.media import FileState, plain_type
from whatsapp_service.domain.ports.files import KnownFile

router = APIRouter()

_SHOWN = ("image/", "audio/", "video/")
_EXTENSIONS = {"image/jpeg": "jpg", "audio/ogg": "ogg", "audio/mpeg": "mp3", "text/plain": "txt"}


class FileView(BaseModel):
    """The file of a message."""

    integration_id: str
    message_id: str
    state: FileState
    reason: str | None
    """Why there is none."""
    mimetype: str | None
    size: int | None
    """Bytes."""
    file_name: str | None
    url: str | None = None
    """Relative to this API; needs no key, and works for minutes."""
    expires_at: AwareDatetime | None = None


class OpenedFile(Protocol):
    """A file that a link led to."""

    @property
    def content(self) -> bytes:
        """The bytes."""

    @property
    def mimetype(self) -> str:
        """What they are."""

    @property
    def name(self) -> str | None:
        """What the sender called them."""


class Link(Protocol):
    """A way to a file, for a while."""

    @property
    def token(self) -> str:
        """What stands in the link."""

    @property
    def expires_at(self) -> AwareDatetime:
        """When it ends."""


class LinksFiles(Protocol):
    """Makes links to files and follows them."""

    async def find(
        self, tenant: TenantId, integration_id: IntegrationId, message_id: MessageId
    ) -> KnownFile:
        """Find the file of a message."""

    def link(self, file: KnownFile) -> Link | None:
        """Make a link to a file; None when it is not there."""

    async def follow(self, token: str) -> OpenedFile:
        """Open the file that a link leads to."""

    async def fetch_again(self, file: KnownFile) -> None:
        """Try once more for a file that could not be had."""


def _links(request: Request) -> LinksFiles:
    links: LinksFiles = request.app.state.links
    return links


Links = Annotated[LinksFiles, Depends(_links)]


class Message(NamedTuple):
    """Which message."""

    integration_id: IntegrationId
    message_id: MessageId


def _message(integration_id: str, message_id: str) -> Message:
    return Message(IntegrationId(integration_id), MessageId(message_id))


Named = Annotated[Message, Depends(_message)]
_PATH = "/media/{integration_id}/{message_id:path}"


@router.get(_PATH)
async def show_file(message: Named, caller: ChatReader, links: Links) -> FileView:
    """Show where the file of a message stands, with a link to it when it is there."""
    return _view(await links.find(TenantId(caller.tenant_id), *message), links)


@router.post(_PATH, status_code=status.HTTP_202_ACCEPTED)
async def fetch_file_again(message: Named, caller: ChatWriter, links: Links) -> FileView:
    """Try once more for a file that could not be had."""
    tenant = TenantId(caller.tenant_id)
    await links.fetch_again(await links.find(tenant, *message))
    return _view(await links.find(tenant, *message), links)


@router.get("/files/{token}", response_class=Response)
async def open_file(token: str, links: Links) -> Response:
    """Give the file behind a link; the link is the permission."""
    found = await links.follow(token)
    kind = plain_type(found.mimetype)
    shown = "inline" if kind.startswith(_SHOWN) else "attachment"
    name = quote(found.name or f"file.{_EXTENSIONS.get(kind, kind.rpartition('/')[2])}", safe="")
    return Response(
        found.content,
        media_type=found.mimetype,
        headers={
            "content-disposition": f"{shown}; filename*=UTF-8''{name}",
            "x-content-type-options": "nosniff",
            # Whatever it is, it may not run in our name.
            "content-security-policy": "default-src 'none'; sandbox",
            "cache-control": "private, max-age=600",
        },
    )


def _view(file: KnownFile, links: LinksFiles) -> FileView:
    link = links.link(file)
    return FileView(
        integration_id=file.integration_id,
        message_id=file.message_id,
        state=file.state,
        reason=file.reason,
        mimetype=file.media.mimetype,
        size=file.media.size,
        file_name=file.media.file_name,
        url=None if link is None else f"/api/files/{link.token}",
        expires_at=None if link is None else link.expires_at,
    )
