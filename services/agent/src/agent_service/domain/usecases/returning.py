"""Give a conversation back to its agent, who answers what nobody has answered."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from agent_service.domain.model import AgentSettings, Conversation, Role, State
from agent_service.domain.ports import Context, Opener
from agent_service.domain.usecases.states import move, return_chore
from common.contracts import ConversationId

_PERSONS = (State.HUMAN, State.HANDOFF_REQUESTED)
_LOOK_BACK = 50
"""Lines among which the last word of our side is looked for."""


async def give_back(context: Context, conversation: Conversation, reason: str) -> None:
    """Make a (locked) conversation the agent's again, and open a turn for what still waits.

    Only if a person had it, and the customer wrote in this session: what is older has been dealt
    with in another way.
    """
    await move(context, conversation, State.BOT, reason)
    if conversation.state not in _PERSONS:
        return
    known = await context.agents.settings_of([conversation.agent_id])
    settings = known.get(conversation.agent_id)
    answered = None if settings is None else await _answered_upto(context, conversation, settings)
    if answered is not None:
        await context.conversations.reopen(conversation, answered, context.now())


async def _answered_upto(
    context: Context, conversation: Conversation, settings: AgentSettings
) -> int | None:
    """Name the line after which the customer waits; None when they do not.

    A person who only took the conversation over has answered nothing; who had opted out waits for
    nothing.
    """
    lines = await context.conversations.lines(conversation.id, limit=_LOOK_BACK)
    ours = next((x.seq for x in lines if x.role is not Role.CUSTOMER and not x.unsent), 0)
    passed_over = next((line.seq for line in lines if line.opted_out), 0)
    answered = max(min(ours, conversation.answered_seq), passed_over)
    newest = next((line for line in lines if line.role is Role.CUSTOMER), None)
    if newest is None or newest.seq <= answered:
        return None
    lately = timedelta(minutes=settings.session_idle_minutes)
    return answered if context.now() - newest.at <= lately else None


async def come_back(
    open_context: Opener,
    conversation_id: ConversationId,
    finish: Callable[[Context], Awaitable[None]],
) -> None:
    """Give back what a person has had for long enough; what they went on with waits longer."""
    async with open_context() as context:
        conversation = await context.conversations.get(conversation_id)
        if conversation is not None:
            await context.conversations.hold(conversation.id)
            # Read again: it may have moved while we waited for the lock.
            conversation = await context.conversations.get(conversation_id)
        # First, so that the next may have the name of this one.
        await finish(context)
        until = None if conversation is None else conversation.human_until
        if conversation is None or until is None or conversation.state not in _PERSONS:
            return
        if until > context.now():
            await context.chores.add(return_chore(conversation, until))
        else:
            await give_back(context, conversation, "the person's time was over")
