"""Who answers a conversation: every change is told, and a person is never talked over."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from agent_service.domain.model import AgentSettings, Conversation, Line, Role, State, command_id
from agent_service.domain.ports import Chore, Context
from common.contracts import CancelMessages, CommandId, ConversationStateChanged, RunId, derived_id

RETURN = "return"
_LOOK_BACK = 40
"""Lines among which our own unsent messages are looked for."""


async def move(
    context: Context,
    conversation: Conversation,
    state: State,
    reason: str,
    *,
    minutes: int = 0,
) -> None:
    """Move a locked conversation to a state, and tell; with minutes, for so long only."""
    until = context.now() + timedelta(minutes=minutes) if minutes else None
    await context.conversations.change_state(conversation.id, state, until)
    if until is not None and (conversation.state is not state or conversation.human_until is None):
        await context.chores.add(return_chore(conversation, until))
    if conversation.state is not state:
        tell(context, conversation, state, conversation.state, reason)


def return_chore(conversation: Conversation, until: datetime) -> Chore:
    """Have it looked at when a person's time is over; one that waits already comes again."""
    what = {"do": RETURN, "conversation": conversation.id}
    name = derived_id("ret", conversation.id, until.isoformat())
    return Chore(conversation.tenant, f"{conversation.id}:return", name, what, until)


def tell(
    context: Context, conversation: Conversation, state: State, previous: State, reason: str
) -> None:
    """Announce that a conversation has moved."""
    changed = ConversationStateChanged(
        conversation_id=conversation.id,
        agent_id=conversation.agent_id,
        integration_id=conversation.integration_id,
        chat_id=conversation.chat_id,
        state=state.value,
        previous=previous.value,
        reason=reason,
    )
    context.outbox.add(changed, tenant=conversation.tenant)


async def give_to_person(
    context: Context, conversation: Conversation, settings: AgentSettings, reason: str
) -> None:
    """A person has the (locked) conversation: no turn goes on, and nothing queued is sent."""
    await move(context, conversation, State.HUMAN, reason, minutes=settings.pause_minutes)
    await context.conversations.pass_over(conversation.id, conversation.last_seq)
    await _take_back_unsent(context, conversation, reason)


def commands_of(newest_first: Sequence[Line]) -> Iterator[tuple[CommandId, Line]]:
    """Name the command that carries each line of our side, the oldest first.

    The bubbles of a run are numbered; a follow-up's or a person's line has the command's own name.
    """
    bubbles: Counter[str] = Counter()
    for line in reversed(newest_first):
        if line.run is not None:
            yield command_id(RunId(line.run), bubbles[line.run]), line
            bubbles[line.run] += 1
        elif line.role is not Role.CUSTOMER and line.message_id is not None:
            yield CommandId(line.message_id), line


async def _take_back_unsent(context: Context, conversation: Conversation, reason: str) -> None:
    """Cancel the agent's own messages that still wait; those of others are none of ours."""
    lines = await context.conversations.lines(conversation.id, limit=_LOOK_BACK)
    named = [command for command, line in commands_of(lines) if line.role is Role.AGENT]
    if not named:
        return
    cancel = CancelMessages(
        chat_id=conversation.chat_id,
        integration_id=conversation.integration_id,
        command_ids=tuple(named),
        reason=reason,
    )
    context.outbox.add(cancel, tenant=conversation.tenant)
