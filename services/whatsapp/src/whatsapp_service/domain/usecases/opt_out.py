"""A customer's word that stops everything to their chat, and the word that lets it go on."""

from typing import NamedTuple

from common.contracts import (
    CancelMessages,
    ChatId,
    CommandId,
    Envelope,
    EventId,
    MessageKind,
    MessageReceived,
    SendMessage,
    TenantId,
    Text,
    derived_id,
)
from whatsapp_service.domain.model import KnownWords, SendingSettings
from whatsapp_service.domain.ports import Context, OptOut
from whatsapp_service.domain.usecases.batch import Announcements, Seen
from whatsapp_service.domain.usecases.commands import tell_cancelled

_DEFAULTS = SendingSettings()
_SPOKEN = frozenset({MessageKind.TEXT, MessageKind.BUTTON_REPLY, MessageKind.LIST_REPLY})


async def heed_opt_outs(context: Context, announcements: Announcements, words: KnownWords) -> None:
    """Do what the new messages of this batch ask for, when one is an opt-out or opt-in word.

    Looks in memory first: a message that is no such word costs no statement. Only what is said to
    the number itself counts: a word in a group is not meant for us. The word itself, and what
    follows it in this batch, is told with the wish that it says.
    """
    found: list[tuple[Seen, MessageReceived, str]] = []
    for one in announcements.found:
        event = one.event
        # By exact type: `isinstance` on pydantic models goes through ABCMeta.
        if type(event) is MessageReceived and _may_ask(event):
            word = words.suspects(event.text)
            if word is not None:
                found.append((one.seen, event, word))
    if not found:
        return
    wishes = await context.opt_outs.settings(
        sorted({seen.integration.tenant for seen, _, _ in found})
    )
    for seen, event, word in found:
        tenant = seen.integration.tenant
        settings = wishes.get(tenant, _DEFAULTS)
        if word in settings.opt_out_words:
            await _opt_out(context, event, _Asked(tenant, word, settings.opt_out_reply))
            announcements.note_wish(seen, event.chat_id, opted_out=True)
        elif word in settings.opt_in_words:
            await context.opt_outs.remove(event.chat_id)
            announcements.note_wish(seen, event.chat_id, opted_out=False)


def _may_ask(event: MessageReceived) -> bool:
    return event.kind in _SPOKEN and not event.from_me and event.group is None


class _Asked(NamedTuple):
    """Who is asked to stop, by which word, and what they answer."""

    tenant: TenantId
    word: str
    reply: str


async def _opt_out(context: Context, event: MessageReceived, asked: _Asked) -> None:
    tenant = asked.tenant
    news = await context.opt_outs.add(
        OptOut(
            tenant=tenant,
            integration_id=event.integration_id,
            chat_id=event.chat_id,
            message_id=event.message_id,
            word=asked.word,
            at=event.sent_at,
        )
    )
    if not news:
        return
    everything = CancelMessages(chat_id=event.chat_id, integration_id=event.integration_id)
    reason = f'The customer wrote "{asked.word}" before it was sent.'
    await tell_cancelled(context, tenant, everything, code="opted_out", reason=reason)
    if asked.reply:
        reply = _confirmation(context, event, asked)
        await context.outbound.accept([reply], exempt=True)


def _confirmation(context: Context, event: MessageReceived, asked: _Asked) -> Envelope[SendMessage]:
    command = CommandId(derived_id("cmd", event.integration_id, event.message_id, "opted_out"))
    send = SendMessage(
        command_id=command,
        chat_id=ChatId(event.chat_id),
        integration_id=event.integration_id,
        content=Text(text=asked.reply),
    )
    return Envelope(EventId(derived_id("evt", command)), asked.tenant, context.now(), send)
