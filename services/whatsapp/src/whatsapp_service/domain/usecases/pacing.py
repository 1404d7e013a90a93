"""Keep every number at its pace: looked at now and then, and when its tenant's wishes change."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from common.contracts import ChatId, IntegrationId, TenantId
from common.errors import InvalidInput, NotFound
from common.places import Place
from whatsapp_service.domain.model import KnownWords, SendingSettings
from whatsapp_service.domain.model.pacing import plan
from whatsapp_service.domain.model.sending_rules import LONGEST_WORD, plain_word
from whatsapp_service.domain.ports import Context, Opener, OpenForTenant, OptOut
from whatsapp_service.domain.ports.pacing import NumberHealth

_MOST_WORDS = 50


async def keep_paces(context: Context) -> None:
    """Set the pace of every number that this transaction may see."""
    now = context.now()
    await context.paces.keep([plan(facts, now) for facts in await context.paces.numbers(now)])


async def keep_wishes(context: Context, tenant: TenantId, settings: SendingSettings) -> None:
    """Keep what a tenant has set, and set the pace of its numbers by it."""
    # Whoever read the old settings would set the old pace after us.
    await context.paces.with_others()
    await context.opt_outs.save(tenant, settings)
    await keep_paces(context)


@dataclass(frozen=True, slots=True)
class PaceKeeper:
    """Does it for all tenants, and learns their words."""

    open_context: Opener
    words: KnownWords

    async def turn(self) -> None:
        """Look at every number once; of several workers one does."""
        async with self.open_context() as context:
            self.words.learn(await context.opt_outs.words())
            if await context.paces.ours():
                await keep_paces(context)


@dataclass(frozen=True, slots=True)
class SendingDesk:
    """What a tenant can say about sending, and see of it."""

    open_for: OpenForTenant

    async def settings(self, tenant: TenantId) -> SendingSettings:
        """Give what the tenant has set, or the defaults."""
        async with self.open_for(tenant) as context:
            found = await context.opt_outs.settings([tenant])
        return found.get(tenant, SendingSettings())

    async def change(self, tenant: TenantId, settings: SendingSettings) -> SendingSettings:
        """Keep new settings; the pace of the tenant's numbers follows at once.

        Raises:
            InvalidInput: a time zone nobody knows, or words that cannot be told from others.
        """
        checked = replace(
            _checked(settings),
            opt_out_words=_plain(settings.opt_out_words),
            opt_in_words=_plain(settings.opt_in_words),
        )
        if set(checked.opt_out_words) & set(checked.opt_in_words):
            raise InvalidInput("The same word cannot mean both: in and out.")
        async with self.open_for(tenant) as context:
            await keep_wishes(context, tenant, checked)
        return checked

    async def health(self, tenant: TenantId, integration_id: IntegrationId) -> NumberHealth:
        """Show what sending has taught us about a number.

        Raises:
            NotFound: the tenant has no such number.
        """
        async with self.open_for(tenant) as context:
            found = await context.paces.health(integration_id)
        if found is None:
            raise NotFound(f"no number {integration_id}")
        return found

    async def opt_outs(self, tenant: TenantId, *, after: Place, limit: int) -> list[OptOut]:
        """List the customers who want nothing more from a place on, the newest first."""
        async with self.open_for(tenant) as context:
            return await context.opt_outs.all(after=after, limit=limit)

    async def lift(self, tenant: TenantId, chat_id: ChatId) -> None:
        """Send to a customer again who said so by other means than the word.

        Raises:
            NotFound: they have not opted out.
        """
        async with self.open_for(tenant) as context:
            if not await context.opt_outs.remove(chat_id):
                raise NotFound(f"chat {chat_id} has not opted out")


def _checked(settings: SendingSettings) -> SendingSettings:
    if not settings.opt_out_words:
        raise InvalidInput("There must be a word by which customers can opt out.")
    if settings.quiet is not None:
        try:
            ZoneInfo(settings.quiet.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise InvalidInput(
                f"There is no time zone {settings.quiet.zone!r}.",
                hint="Use a name such as America/Sao_Paulo.",
            ) from None
    return settings


def _plain(words: Iterable[str]) -> tuple[str, ...]:
    plain = tuple(dict.fromkeys(plain_word(word) for word in words))
    if len(plain) > _MOST_WORDS or not all(plain):
        raise InvalidInput(
            f"Words have letters or digits and at most {LONGEST_WORD} signs; "
            f"{_MOST_WORDS} of them are enough."
        )
    return plain
