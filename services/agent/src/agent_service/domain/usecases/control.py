"""What a team does with conversations: take them over, answer, hand back, close, export, forget."""

from typing import Any

from agent_service.domain.model import AgentSettings, Conversation, State
from agent_service.domain.ports import Context
from agent_service.domain.usecases.returning import give_back
from agent_service.domain.usecases.states import give_to_person, move
from common.contracts import CommandId, ConversationId, ForgetChat, SendMessage, Text
from common.errors import Conflict, NotFound

_LONGEST_EXPORT = 100_000
"""Lines, runs or facts of one conversation."""
_LARGEST_LIBRARY = 5_000
"""Files: their names must fit into one record."""


async def held(context: Context, conversation_id: ConversationId) -> Conversation:
    """Read a conversation of the tenant's and lock it.

    Raises:
        NotFound: the tenant has no such conversation.
    """
    if await context.conversations.get(conversation_id) is not None:
        await context.conversations.hold(conversation_id)
        # Read again: it may have moved while we waited for the lock.
        found = await context.conversations.get(conversation_id)
        if found is not None:
            return found
    raise NotFound(f"no conversation {conversation_id}")


async def take_over(context: Context, conversation_id: ConversationId, who: str) -> Conversation:
    """Give a conversation to a person until it is handed back, or they are silent for long.

    Raises:
        NotFound: the tenant has no such conversation.
    """
    conversation = await held(context, conversation_id)
    settings = await _settings(context, conversation)
    await give_to_person(context, conversation, settings, f"taken over by {who}")
    await context.follow_ups.cancel(conversation.id)
    return await held(context, conversation_id)


async def hand_back(context: Context, conversation_id: ConversationId, who: str) -> Conversation:
    """Give a conversation back to its agent, who answers what waits; raises as `take_over` does."""
    conversation = await held(context, conversation_id)
    await give_back(context, conversation, f"handed back by {who}")
    return await held(context, conversation_id)


async def close(context: Context, conversation_id: ConversationId, who: str) -> Conversation:
    """End a conversation; the customer's next message may wake the agent again."""
    conversation = await held(context, conversation_id)
    await context.conversations.pass_over(conversation.id, conversation.last_seq)
    await move(context, conversation, State.CLOSED, f"closed by {who}")
    await context.follow_ups.cancel(conversation.id)
    return await held(context, conversation_id)


async def reply(
    context: Context, conversation_id: ConversationId, text: str, command: CommandId, who: str
) -> Conversation:
    """Send a person's words; whoever answers a conversation has it from then on.

    The same command twice is sent once. Raises as `take_over` does.

    Raises:
        Conflict: the command has said something else before.
    """
    conversation = await held(context, conversation_id)
    said = await context.conversations.said_by(conversation.id, command)
    if said not in {None, text}:
        raise Conflict("This Idempotency-Key was used for another text.", hint="Use a new key.")
    settings = await _settings(context, conversation)
    await give_to_person(context, conversation, settings, f"answered by {who}")
    send = SendMessage(
        command_id=command,
        chat_id=conversation.chat_id,
        integration_id=conversation.integration_id,
        content=Text(text=text),
    )
    context.outbox.add(send, tenant=conversation.tenant)
    await context.conversations.say_as_person(conversation.id, text, context.now(), command)
    return await held(context, conversation_id)


async def export(context: Context, conversation_id: ConversationId) -> dict[str, Any]:
    """Gather everything that is kept about a contact in this conversation; raises as above."""
    conversation = await held(context, conversation_id)
    lines = await context.conversations.lines(conversation.id, limit=_LONGEST_EXPORT)
    return {
        "conversation": conversation,
        "lines": list(reversed(lines)),
        "runs": await context.archive.runs(conversation.id, limit=_LONGEST_EXPORT),
        "facts": await context.archive.facts(conversation, limit=_LONGEST_EXPORT),
        "follow_ups": await context.archive.follow_ups(conversation.id, limit=_LONGEST_EXPORT),
    }


async def forget(context: Context, conversation_id: ConversationId) -> None:
    """Delete what is kept about a contact; what was spent stays in the books, without words.

    Whoever carries our messages is told to forget the chat as well, but for the files that are the
    tenant's own. Raises as `take_over` does.
    """
    conversation = await held(context, conversation_id)
    library = await context.library.every(conversation.tenant, limit=_LARGEST_LIBRARY)
    command = ForgetChat(
        chat_id=conversation.chat_id,
        integration_id=conversation.integration_id,
        keep_files=tuple(item.reference for item in library),
    )
    context.outbox.add(command, tenant=conversation.tenant)
    await context.archive.forget(conversation)


async def _settings(context: Context, conversation: Conversation) -> AgentSettings:
    """Read how its agent behaves; one that was deleted behaves as any new one."""
    known = await context.agents.settings_of([conversation.agent_id])
    return known.get(conversation.agent_id, AgentSettings())
