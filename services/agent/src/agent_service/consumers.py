"""Why this service wakes up: somebody wrote or changed it, a file came, our words were not sent."""

from collections.abc import Sequence

from agent_service.domain.model import conversation_id
from agent_service.domain.ports import Context
from agent_service.domain.usecases import amending, hearing, listen, unsent
from common.bus import Router
from common.contracts import (
    Envelope,
    MediaStored,
    MessageDeleted,
    MessageEdited,
    MessageFailed,
    MessageReceived,
)

router = Router[Context]()


@router.on_batch(MessageReceived)
async def hear_messages(received: Sequence[Envelope[MessageReceived]], context: Context) -> None:
    """What is said joins its conversation, and opens a turn to answer it."""
    await listen.listen(context, received)


@router.on(MediaStored)
async def take_media(stored: Envelope[MediaStored], context: Context) -> None:
    """A voice note is heard, a picture can be seen; the turn that waited for it goes on."""
    event, tenant = stored.event, stored.tenant
    conversation = conversation_id(tenant, event.integration_id, event.chat_id)
    await hearing.media_came(context, tenant, conversation, event)


@router.on(MessageFailed)
async def note_failure(failed: Envelope[MessageFailed], context: Context) -> None:
    """What will not be sent was not said."""
    await unsent.note_unsent(context, failed.tenant, failed.event)


@router.on(MessageEdited)
async def amend_message(edited: Envelope[MessageEdited], context: Context) -> None:
    """What somebody corrected is what they said."""
    await amending.amend(context, edited.tenant, edited.event)


@router.on(MessageDeleted)
async def take_message_back(deleted: Envelope[MessageDeleted], context: Context) -> None:
    """What somebody took back is neither answered nor kept."""
    await amending.take_back(context, deleted.tenant, deleted.event)
