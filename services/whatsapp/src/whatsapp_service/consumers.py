"""Why this service wakes up: a number told us something, or somebody wants to send."""

from collections.abc import Sequence

from common.bus import Rejection, Router
from common.contracts import (
    CancelMessages,
    Envelope,
    EvolutionWebhookReceived,
    ForgetChat,
    SendMessage,
)
from common.errors import ParleyError
from whatsapp_service.domain.model import KnownWords
from whatsapp_service.domain.ports import Context, Translate
from whatsapp_service.domain.usecases import commands, receive


def routes(translate: Translate, words: KnownWords) -> Router[Context]:
    """Make the router; the provider's translation is given by the front hall."""
    router = Router[Context]()

    @router.on_batch(EvolutionWebhookReceived)
    async def receive_webhooks(
        webhooks: Sequence[Envelope[EvolutionWebhookReceived]], context: Context
    ) -> list[Rejection]:
        """What Evolution tells becomes messages, states and events."""
        return _rejections(await receive.receive(context, webhooks, translate, words))

    @router.on_batch(SendMessage)
    async def take_commands(
        wanted: Sequence[Envelope[SendMessage]], context: Context
    ) -> list[Rejection]:
        """What others want sent waits in its chat's lane."""
        return _rejections(await commands.accept(context, wanted))

    @router.on(CancelMessages)
    async def take_back(wanted: Envelope[CancelMessages], context: Context) -> None:
        """What still waits can be taken back."""
        await commands.cancel(context, wanted.tenant, wanted.event)

    @router.on(ForgetChat)
    async def forget_chat(wanted: Envelope[ForgetChat], context: Context) -> None:
        """What was said in a chat is deleted, with its files."""
        await commands.forget(context, wanted.tenant, wanted.event)

    return router


def _rejections(refused: dict[str, ParleyError]) -> list[Rejection]:
    return [Rejection(event_id, error) for event_id, error in refused.items()]
