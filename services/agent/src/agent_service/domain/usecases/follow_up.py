"""Say later what was promised: in business hours, and only where the agent may speak."""

from collections.abc import Awaitable, Callable

from agent_service.domain.model import Conversation, FollowUp, State
from agent_service.domain.model.hours import opening
from agent_service.domain.model.ignored import is_ignored
from agent_service.domain.ports import Chore, Context, Opener
from common.contracts import CommandId, ConversationId, SendMessage, Text, derived_id

FOLLOW_UP = "follow_up"


def follow_up_chore(conversation: Conversation, follow_up: FollowUp) -> Chore:
    """Have a follow-up looked at when it is due; another time is another chore."""
    what = {"do": FOLLOW_UP, "conversation": conversation.id, "follow_up": follow_up.id}
    # In a lane of its own: one for tomorrow must not wait for one of next week.
    lane = f"{conversation.id}:{follow_up.id}"
    name = derived_id("flw", follow_up.id, follow_up.due_at.isoformat())
    return Chore(conversation.tenant, lane, name, what, follow_up.due_at)


async def say_follow_up(
    open_context: Opener,
    conversation_id: ConversationId,
    follow_up_id: str,
    finish: Callable[[Context], Awaitable[None]],
) -> None:
    """Send a follow-up that is due; the command has its name, so it is sent once.

    While the business is closed it waits for the opening. It is dropped when somebody else has
    the conversation, when that is closed, or when its contact is ignored by now.
    """
    async with open_context() as context:
        conversation = await context.conversations.get(conversation_id)
        if conversation is not None:
            held = await context.conversations.hold(conversation.id)
            follow_up = await context.follow_ups.waiting(follow_up_id)
            if follow_up is not None:
                await _decide(context, conversation, held.state, follow_up)
        await finish(context)


async def _decide(
    context: Context, conversation: Conversation, state: State, follow_up: FollowUp
) -> None:
    known = await context.agents.settings_of([conversation.agent_id])
    settings = known.get(conversation.agent_id)
    if settings is None or state is not State.BOT or is_ignored(settings, conversation.known_as):
        await context.follow_ups.end(follow_up.id, "cancelled")
    elif (opens := opening(settings, context.now())) > context.now():
        later = await context.follow_ups.postpone(follow_up, opens)
        await context.chores.add(follow_up_chore(conversation, later))
    else:
        await _say(context, conversation, follow_up)


async def _say(context: Context, conversation: Conversation, follow_up: FollowUp) -> None:
    command = CommandId(follow_up.id)
    send = SendMessage(
        command_id=command,
        chat_id=conversation.chat_id,
        integration_id=conversation.integration_id,
        content=Text(text=follow_up.text),
    )
    context.outbox.add(send, tenant=conversation.tenant)
    await context.conversations.say(conversation.id, follow_up.text, context.now(), command)
    await context.follow_ups.end(follow_up.id, "said")
