"""A tenant's files over HTTP: agents may send them."""

from typing import Annotated, Self

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel

from agent_service.api.doors import Limit, Opens, Page, Reader, Words, Writer
from agent_service.domain.model import MediaItem
from agent_service.domain.ports import FIRST, Files, NamePlace
from common.contracts import TenantId, new_id, utc_now
from common.errors import InvalidInput, NotFound, TooLarge, UnsupportedMedia
from common.service import PAGED

router = APIRouter()
_KINDS = {"image": "image", "video": "video", "audio": "audio"}
_DOCUMENTS = ("application/", "text/")

Name = Annotated[Words, Query(min_length=1, max_length=200, pattern=r"^[^/\\]+$")]


class MediaView(BaseModel):
    """A file of the library."""

    id: str
    name: str
    kind: str
    mimetype: str
    size: int
    created_at: AwareDatetime

    @classmethod
    def of(cls, item: MediaItem) -> Self:
        """Show a file."""
        return cls(
            id=item.id,
            name=item.name,
            kind=item.kind,
            mimetype=item.mimetype,
            size=item.size,
            created_at=item.created_at,
        )


@router.post("/media-library", status_code=201)
async def upload_media(name: Name, caller: Writer, open_for: Opens, request: Request) -> MediaView:
    """Keep the body as a file of this name, in the place of an older one; say its Content-Type."""
    tenant, content = TenantId(caller.tenant_id), await request.body()
    if len(content) > request.app.state.media_max_bytes:
        raise TooLarge(f"A file may have {request.app.state.media_max_bytes} bytes.")
    if not content:
        raise InvalidInput("The file is empty.")
    mimetype = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    files: Files = request.app.state.files
    kind = _kind(mimetype)
    reference = await files.keep(tenant, content, mimetype)
    item = MediaItem(
        new_id("med"), tenant, name, kind, mimetype, len(content), reference, utc_now()
    )
    async with open_for(tenant) as context:
        return MediaView.of(await context.library.add(item))


def _kind(mimetype: str) -> str:
    family = mimetype.partition("/")[0]
    if family in _KINDS:
        return _KINDS[family]
    if mimetype.startswith(_DOCUMENTS):
        return "document"
    raise UnsupportedMedia("Say the file's type in Content-Type, such as application/pdf.")


@router.get("/media-library", responses=PAGED)
async def list_media(
    caller: Reader, open_for: Opens, page: Page, limit: Limit = 100
) -> list[MediaView]:
    """List the tenant's files by name, page by page."""
    tenant, after = TenantId(caller.tenant_id), page.after(FIRST)
    async with open_for(tenant) as context:
        found = await context.library.every(tenant, limit=limit + 1, after=after)
    shown = page.cut(found, limit, lambda item: NamePlace(item.name))
    return [MediaView.of(item) for item in shown]


@router.delete("/media-library/{media_id}", status_code=204)
async def delete_media(media_id: Words, caller: Writer, open_for: Opens) -> Response:
    """Take a file out of the library; what was sent of it stays sent."""
    async with open_for(TenantId(caller.tenant_id)) as context:
        if not await context.library.delete(media_id):
            raise NotFound(f"no file {media_id}")
    return Response(status_code=204)
