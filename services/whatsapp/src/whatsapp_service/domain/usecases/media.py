"""Keep the files of messages: fetched soon, checked, stored once, and said when they are there."""

import asyncio
import hashlib
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Sequence
from dataclasses import dataclass

from common.contracts import (
    IntegrationId,
    MediaStored,
    MessageId,
    MessageKind,
    MessageReceived,
)
from common.errors import NotFound, Refused, Transient, Unavailable
from whatsapp_service.domain.model import Integration
from whatsapp_service.domain.model.media import FileFacts, FileRules, FileState
from whatsapp_service.domain.ports import Clock, Context, Lease, Opener, Outbox
from whatsapp_service.domain.ports.files import (
    Ending,
    Files,
    FindsFiles,
    KeepsFiles,
    KnownFile,
    WantedFile,
)
from whatsapp_service.domain.usecases.batch import Seen

FOLDER = "media"


async def want_files(context: Context, news: Sequence[tuple[Seen, MessageReceived]]) -> None:
    """Have the files of new messages fetched."""
    wanted = [
        WantedFile(
            integration_id=event.integration_id,
            message_id=event.message_id,
            tenant=seen.integration.tenant,
            kind=event.kind,
            media=event.media,
            inline=seen.observation.file,
            parked=seen.webhook.event.parked,
        )
        for seen, event in news
        if event.media is not None
    ]
    await context.files.want(wanted)


@dataclass(frozen=True, slots=True)
class Errand:
    """Which file is wanted, and where it may be found."""

    integration_id: IntegrationId
    message_id: MessageId
    inline: str | None = None
    parked: str | None = None


@dataclass(frozen=True, slots=True)
class FileKeeper:
    """Fetches and keeps files; done twice, the second finds it done."""

    open_context: Opener
    provider: FindsFiles
    store: KeepsFiles
    rules: FileRules
    now: Clock

    async def keep(self, errand: Errand, lease: Lease) -> FileState | None:
        """Fetch, check and store one file; None when it is no longer wanted.

        Raises:
            Transient: not now; also when the provider does not have it yet.
        """
        async with self.open_context() as context:
            file = await context.files.get(errand.integration_id, errand.message_id)
            number = await context.integrations.get(errand.integration_id)
            if file is None or number is None or file.state is not FileState.WAITING:
                await lease.finish(context)
                return None
        content, mimetype = b"", ""
        refused = self.rules.refuse_by_name(file.media.mimetype, file.media.size)
        if refused is None:
            content = await self._fetch(errand, number)
            mimetype, refused = self.rules.judge(content, file.media.mimetype)
        if refused is not None:
            await self._end(file, lease, Ending(FileState.REFUSED, reason=refused))
            return FileState.REFUSED
        facts = await self._store(file, content, mimetype)
        await self._end(file, lease, Ending(FileState.STORED, facts))
        return FileState.STORED

    async def discard(self, reference: str, lease: Lease) -> None:
        """Delete a file that was a forgotten chat's, unless somebody else has it."""
        async with self.open_context() as context:
            in_use = await context.files.in_use(reference)
        if not in_use:
            await self.store.delete(reference)
        async with self.open_context() as context:
            await lease.finish(context)

    async def _fetch(self, errand: Errand, number: Integration) -> bytes:
        inline = errand.inline
        if errand.parked is not None:
            inline = await self._parked(errand.parked, errand.message_id)
        found = await asyncio.to_thread(_decoded, inline)
        if found:
            return found
        try:
            return await self.provider.fetch_file(
                number.instance, errand.message_id, max_bytes=self.rules.max_bytes
            )
        except (Refused, Transient) as error:
            # "Message not found" may mean not yet: the webhook overtakes Evolution's own database.
            # Its own "try again in five seconds" would use up the tries of a number that is away.
            raise Unavailable(f"{error.code}: {error}") from error

    async def _parked(self, key: str, message_id: MessageId) -> str | None:
        try:
            return await self.provider.file_of(await self.store.get(key), message_id)
        except NotFound:
            return None

    async def _store(self, file: KnownFile, content: bytes, mimetype: str) -> FileFacts:
        """Store under the content's own hash: what is sent around is kept once a day.

        Files of two days share nothing, so that the old one can go (`retention`).
        """
        digest = (await asyncio.to_thread(hashlib.sha256, content)).hexdigest()
        reference = f"{FOLDER}/{file.tenant}/{self.now():%Y-%m-%d}/{digest}"
        if not await self.store.exists(reference):
            await self.store.put(reference, content, mimetype)
        return FileFacts(mimetype, len(content), digest, reference)

    async def _end(self, file: KnownFile, lease: Lease, ending: Ending) -> None:
        async with self.open_context() as context:
            await end(context.files, context.outbox, file, ending)
            await lease.finish(context)


async def end(files: Files, outbox: Outbox, file: KnownFile, ending: Ending) -> None:
    """Note what became of a file, and say so to who waits for it."""
    await files.end(file, ending)
    media, facts = file.media, ending.facts
    if facts is not None:
        found = {"mimetype": facts.mimetype, "size": facts.size, "reference": facts.reference}
        media = media.model_copy(update=found)
    told = MediaStored(
        message_id=file.message_id,
        chat_id=file.chat_id,
        integration_id=file.integration_id,
        kind=MessageKind(file.kind),
        media=media,
        failure=ending.reason,
    )
    outbox.add(told, tenant=file.tenant)


def _decoded(inline: str | None) -> bytes | None:
    """Read what the webhook brought; broken base64 is no file, and can be fetched."""
    if not inline:
        return None
    try:
        return b64decode(inline.rpartition(",")[2], validate=True)
    except (NotBase64, ValueError):
        return None
