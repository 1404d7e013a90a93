"""What a number tells us becomes stored messages, states, and events: each once, in order."""

from collections.abc import Sequence
from datetime import datetime

from common.contracts import (
    ConnectionChanged,
    Event,
    MessageDeleted,
    MessageDeliveryUpdated,
    MessageEdited,
    MessageReceived,
    MessageSent,
    QrCodeRefreshed,
)
from common.errors import Forbidden, InvalidInput, NotFound, ParleyError
from whatsapp_service.domain.model import Ignored, Integration, KnownWords, Observation, Unknown
from whatsapp_service.domain.ports import Context, Translate
from whatsapp_service.domain.usecases.batch import Announcements, Seen, Webhook
from whatsapp_service.domain.usecases.changes import apply_changes
from whatsapp_service.domain.usecases.connection import observe_connections
from whatsapp_service.domain.usecases.messages import store_messages
from whatsapp_service.domain.usecases.opt_out import heed_opt_outs

_WRITTEN: set[type[Event]] = {MessageReceived, MessageSent}
_CHANGES: set[type[Event]] = {MessageDeliveryUpdated, MessageEdited, MessageDeleted}
_CONNECTION: set[type[Event]] = {ConnectionChanged, QrCodeRefreshed}
_OURS = _WRITTEN | _CHANGES | _CONNECTION
_WORDS = KnownWords()


async def receive(
    context: Context, webhooks: Sequence[Webhook], translate: Translate, words: KnownWords = _WORDS
) -> dict[str, ParleyError]:
    """Take in webhooks, in order; returns by event id those that can never be taken in."""
    seen, refused = await _read(context, webhooks, translate)
    announcements = Announcements()
    await store_messages(context, _only(seen, _WRITTEN), announcements)
    # In the transaction that stores the word, so that nothing queued before it goes out after it.
    await heed_opt_outs(context, announcements, words)
    await apply_changes(context, _only(seen, _CHANGES), announcements)
    await observe_connections(context, _only(seen, _CONNECTION), announcements)
    for one in seen:
        if type(one.observation.event) not in _OURS:
            announcements.add(one, [one.observation.event])
    announcements.publish(context)
    return refused


def _only(seen: Sequence[Seen], kinds: set[type[Event]]) -> list[Seen]:
    # By exact type: `isinstance` on pydantic models goes through ABCMeta, thirty times a message.
    return [one for one in seen if type(one.observation.event) in kinds]


async def _read(
    context: Context, webhooks: Sequence[Webhook], translate: Translate
) -> tuple[list[Seen], dict[str, ParleyError]]:
    by_id, by_instance = await context.integrations.by_webhook(
        [w.event.integration_id for w in webhooks if w.event.integration_id],
        [w.event.instance for w in webhooks if not w.event.integration_id],
    )
    seen: list[Seen] = []
    refused: dict[str, ParleyError] = {}
    now = context.now()
    for webhook in webhooks:
        named = webhook.event.integration_id
        integration = by_id.get(named) if named else by_instance.get(webhook.event.instance)
        if integration is None:
            refused[webhook.id] = _unknown_instance(webhook)
            continue
        problem = _problem(webhook, integration, now)
        if problem is not None:
            refused[webhook.id] = problem
            continue
        for said in translate(webhook.event.body or {}, integration=integration.id, now=now):
            match said:
                case Observation():
                    seen.append(Seen(len(seen), said, integration, webhook))
                case Unknown(reason):
                    refused[webhook.id] = InvalidInput(reason)
                case Ignored():
                    pass
    return seen, refused


def _unknown_instance(webhook: Webhook) -> ParleyError:
    if webhook.event.integration_id:
        return NotFound("the integration of this webhook address no longer exists")
    return NotFound(f"unknown instance {webhook.event.instance!r}: no integration has it")


def _problem(webhook: Webhook, integration: Integration, now: datetime) -> ParleyError | None:
    event = webhook.event
    if event.generation is not None and not integration.believes(event.generation, now):
        return Forbidden("the webhook address was rotated; Evolution still calls the old one")
    if event.body is None:
        return InvalidInput("the webhook has no body")
    return None
