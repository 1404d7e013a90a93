"""The files that we send: from our object store, or by an address in the open."""

import asyncio
import mimetypes
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Protocol

from common.contracts import Content, File, MediaMessage, TenantId
from common.errors import Forbidden, TooLarge, UnsupportedMedia
from common.http import SsrfGuard
from whatsapp_service.domain.model.media import OCTETS, plain_type, sniff
from whatsapp_service.domain.model.outgoing import FILE_LIMITS, file_of, fits_kind
from whatsapp_service.domain.ports import LoadedFile

_AT_ONCE = 4
"""Files in memory at a time: each is there twice, as it is and in base64."""
_MIB = 1024 * 1024
_EXTENSIONS = {"image/jpeg": ".jpg", "audio/ogg": ".ogg", "text/plain": ".txt"}
_TYPES = {"image": "image/jpeg", "video": "video/mp4", "audio": "audio/mpeg", "voice": "audio/ogg"}


class ReadsObjects(Protocol):
    """The object store, as far as we need it."""

    async def get(self, key: str) -> bytes:
        """Read bytes; raises NotFound when there are none."""


class OutgoingFiles:
    """Opens the files of messages, a few at a time."""

    def __init__(self, store: ReadsObjects, guard: SsrfGuard | None = None) -> None:
        self._store = store
        self._guard = guard or SsrfGuard()
        self._few = asyncio.Semaphore(_AT_ONCE)

    @asynccontextmanager
    async def opened(self, tenant: TenantId, content: Content) -> AsyncGenerator[LoadedFile | None]:
        """Hold the file of a content in memory while it is sent; None when it has none.

        Raises:
            NotFound: it is not in the store.
            Forbidden: it is another tenant's.
            InvalidInput: its address is not one of the open internet's; or TooLarge, or
                UnsupportedMedia for what it is to be sent as.
            Unavailable: the store is away.
        """
        file = file_of(content)
        if file is None or not isinstance(content, MediaMessage):
            yield None
        elif file.url is not None:
            yield await self._address(content.kind, file, file.url)
        else:
            async with self._few:
                yield await self._load(tenant, content.kind, file)

    async def _load(self, tenant: TenantId, kind: str, file: File) -> LoadedFile:
        reference = file.reference or ""
        if not reference.startswith(f"media/{tenant}/"):
            raise Forbidden("The file is not one of this tenant's.")
        content = await self._store.get(reference)
        limit = FILE_LIMITS[kind]
        if len(content) > limit:
            raise TooLarge(
                f"The file has {len(content) / _MIB:.1f} MiB; as {kind} at most "
                f"{limit // _MIB} MiB can be sent."
            )
        mimetype = sniff(content, file.mimetype or _guessed(file.name))
        return LoadedFile(_checked(kind, mimetype), _name(file, mimetype), content=content)

    async def _address(self, kind: str, file: File, url: str) -> LoadedFile:
        """Let Evolution fetch it; where our own network is, it must not be sent to look."""
        self._guard.check_url(url)
        mimetype = file.mimetype or _guessed(file.name or url.partition("?")[0]) or _TYPES.get(kind)
        return LoadedFile(_checked(kind, mimetype or OCTETS), _name(file, mimetype), url=url)


def _checked(kind: str, mimetype: str) -> str:
    if not fits_kind(kind, plain_type(mimetype)):
        raise UnsupportedMedia(f"A file of the type {plain_type(mimetype)} is no {kind}.")
    return mimetype


def _guessed(name: str | None) -> str | None:
    return mimetypes.guess_type(name)[0] if name else None


def _name(file: File, mimetype: str | None) -> str:
    if file.name:
        return file.name
    kind = plain_type(mimetype) if mimetype else OCTETS
    return f"file{_EXTENSIONS.get(kind) or mimetypes.guess_extension(kind) or '.bin'}"
