"""Why this service wakes up: somebody wrote, a file has come, or words of ours were not sent."""

from collections.abc import Sequence

from agent_service.domain.model import conversation_id
from agent_service.domain.ports import Context
from agent_service.domain.usecases import hearing, listen, unsent
from common.bus import Router
from common.contracts import Envelope, MediaStored, MessageFailed, MessageReceived

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
