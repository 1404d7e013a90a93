"""Links to files that need no key: the link is the permission, and does not last."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import orjson

from common.auth import Keyring
from common.contracts import IntegrationId, MessageId, TenantId
from common.errors import NeedsOperator, NotFound
from common.storage import ObjectStore
from whatsapp_service.domain.model.media import OCTETS
from whatsapp_service.domain.ports import Clock, OpenForTenant
from whatsapp_service.domain.ports.files import KnownFile, WantedFile

_CONTEXT = ("media.link", "")
_LONGEST = 2048


class Link(NamedTuple):
    """A way to a file, for a while."""

    token: str
    expires_at: datetime


class OpenedFile(NamedTuple):
    """A file that a link led to."""

    content: bytes
    mimetype: str
    name: str | None


@dataclass(frozen=True, slots=True)
class FileLinks:
    """Makes links to files and follows them; what a link says is sealed, not signed only."""

    open_for: OpenForTenant
    store: ObjectStore
    keyring: Keyring
    now: Clock
    life: timedelta

    async def find(
        self, tenant: TenantId, integration_id: IntegrationId, message_id: MessageId
    ) -> KnownFile:
        """Find the file of a message.

        Raises:
            NotFound: the tenant has no such message, or it has no file.
        """
        async with self.open_for(tenant) as context:
            file = await context.files.get(integration_id, message_id)
        if file is None:
            raise NotFound("this message has no file")
        return file

    def link(self, file: KnownFile) -> Link | None:
        """Make a link to a file; None when it is not there."""
        if file.media.reference is None:
            return None
        expires_at = self.now() + self.life
        claims = {
            "r": file.media.reference,
            "m": file.media.mimetype,
            "n": file.media.file_name,
            "e": int(expires_at.timestamp()),
        }
        return Link(self.keyring.seal(orjson.dumps(claims), context=_CONTEXT), expires_at)

    async def follow(self, token: str) -> OpenedFile:
        """Open the file that a link leads to.

        Raises:
            NotFound: it is none of our links, its time is over, or the file is gone.
        """
        try:
            claims = orjson.loads(self.keyring.open_bytes(token[:_LONGEST], context=_CONTEXT))
        except NeedsOperator:
            raise NotFound("there is no such file") from None
        if claims["e"] < self.now().timestamp():
            raise NotFound("this link is no longer valid", hint="ask for a new one")
        content = await self.store.get(claims["r"])
        return OpenedFile(content, claims["m"] or OCTETS, claims["n"])

    async def fetch_again(self, file: KnownFile) -> None:
        """Try once more for a file that could not be had."""
        wanted = WantedFile(
            file.integration_id, file.message_id, file.tenant, file.kind, file.media
        )
        async with self.open_for(file.tenant) as context:
            await context.files.want([wanted])
