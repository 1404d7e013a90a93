"""Why this service wakes up: somebody wrote."""

from collections.abc import Sequence

from agent_service.domain.ports import Context
from agent_service.domain.usecases import listen
from common.bus import Router
from common.contracts import Envelope, MessageReceived

router = Router[Context]()


@router.on_batch(MessageReceived)
async def hear_messages(received: Sequence[Envelope[MessageReceived]], context: Context) -> None:
    """What is said joins its conversation, and opens a turn to answer it."""
    await listen.listen(context, received)
