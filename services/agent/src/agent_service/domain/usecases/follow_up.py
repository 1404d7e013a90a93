"""Say later what was promised, unless it was cancelled or a person has the conversation."""

from collections.abc import Awaitable, Callable

from agent_service.domain.model import State
from agent_service.domain.ports import Context, Opener
from common.contracts import CommandId, ConversationId, SendMessage, Text

FOLLOW_UP = "follow_up"


async def say_follow_up(
    open_context: Opener,
    conversation_id: ConversationId,
    follow_up_id: str,
    finish: Callable[[Context], Awaitable[None]],
) -> None:
    """Send a follow-up that is due; the command has its name, so it is sent once."""
    async with open_context() as context:
        conversation = await context.conversations.get(conversation_id)
        follow_up = await context.follow_ups.take(follow_up_id)
        if conversation is not None and follow_up is not None and conversation.state is State.BOT:
            command = SendMessage(
                command_id=CommandId(follow_up.id),
                chat_id=conversation.chat_id,
                integration_id=conversation.integration_id,
                content=Text(text=follow_up.text),
            )
            context.outbox.add(command, tenant=conversation.tenant)
            await context.conversations.say(conversation.id, follow_up.text, context.now())
        await finish(context)
