"""Files, and what could not be read, are not kept for ever where an operator says so."""

from dataclasses import dataclass
from datetime import timedelta

from whatsapp_service.domain.ports import Clock, Opener
from whatsapp_service.domain.ports.files import KeepsFiles


@dataclass(frozen=True, slots=True)
class FileRetention:
    """Deletes old files; done twice, or by two workers at once, it is done once."""

    open_context: Opener
    store: KeepsFiles
    now: Clock
    days: int
    batch: int = 100

    async def expire(self) -> bool:
        """Delete a batch of what is too old, at the end of its day; True when there is more.

        The bytes go first: who dies in between finds the rest of the work in the table.

        Raises:
            Unavailable: Postgres or the object store is away.
        """
        today = self.now().replace(hour=0, minute=0, second=0, microsecond=0)
        before = today - timedelta(days=self.days)
        async with self.open_context() as context:
            old = await context.files.old(before, self.batch)
        for reference in old:
            await self.store.delete(reference)
        if old:
            async with self.open_context() as context:
                # What was stored at midnight may have been noted on the next day.
                await context.files.expire(
                    old,
                    before=before + timedelta(days=1),
                    reason=f"files are kept for {self.days} days",
                )
        return len(old) == self.batch


@dataclass(frozen=True, slots=True)
class UnreadRetention:
    """Deletes webhooks that were kept because we could not read them."""

    open_context: Opener
    now: Clock
    days: int
    batch: int = 1000

    async def expire(self) -> bool:
        """Delete a batch of what is too old; True when there is more.

        Raises:
            Unavailable: Postgres is away.
        """
        before = self.now() - timedelta(days=self.days)
        async with self.open_context() as context:
            return await context.messages.drop_events(before, self.batch) == self.batch
