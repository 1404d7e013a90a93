"""The bytes of media, in the object store, each tenant's under its own prefix."""

import hashlib
from collections.abc import Callable, Mapping, Sequence

from agent_service.domain.model import Image, Line
from common.contracts import TenantId
from common.errors import NotFound, ParleyError
from common.storage import ObjectStore
from common.telemetry import get_logger

log = get_logger()

_PICTURES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
"""What vision models take."""


class StoredFiles:
    """Reads and keeps files; the store is opened when it is first needed."""

    def __init__(self, open_store: Callable[[], ObjectStore], *, largest_image: int) -> None:
        self._open_store = open_store
        self._largest_image = largest_image

    async def read(self, tenant: TenantId, reference: str) -> bytes:
        """Read a tenant's file; see `Files.read` for what it raises."""
        if not reference.startswith(f"media/{tenant}/"):
            raise NotFound("there is no such file")
        return await self._open_store().get(reference)

    async def keep(self, tenant: TenantId, content: bytes, mimetype: str) -> str:
        """Store a file; returns its reference, which follows from its content."""
        reference = f"media/{tenant}/{hashlib.sha256(content).hexdigest()}"
        await self._open_store().put(reference, content, mimetype)
        return reference

    async def see(self, tenant: TenantId, lines: Sequence[Line]) -> Mapping[int, Image]:
        """Read the pictures of lines, by their places; what is missing or too large is left out."""
        seen: dict[int, Image] = {}
        for line in lines:
            media = line.media
            mimetype = (media.mimetype or "image/jpeg").partition(";")[0] if media else ""
            if media is None or media.reference is None or mimetype not in _PICTURES:
                continue
            try:
                content = await self.read(tenant, media.reference)
            except ParleyError as error:
                log.warning("image.not_seen", error=str(error))
                continue
            if len(content) <= self._largest_image:
                seen[line.seq] = Image(mimetype, content)
        return seen
