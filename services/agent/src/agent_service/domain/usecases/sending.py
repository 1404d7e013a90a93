"""Send what is to be said, once; and when nothing can be said, ask for a person politely."""

from contextlib import suppress
from dataclasses import dataclass

from agent_service.domain.model import (
    State,
    Step,
    StepKind,
    Turn,
    Usage,
    bubbles,
    command_id,
    typing_ms,
)
from agent_service.domain.model.control import hand_off_words
from agent_service.domain.model.history import to_summarise, told_to_a_person
from agent_service.domain.model.wordings import Wording
from agent_service.domain.ports import Chore, Context, Ended, Lease, Opener, Turns
from agent_service.domain.usecases.states import move
from agent_service.domain.usecases.work import Reply, Work, why
from common.contracts import HandoffRequested, SendMessage, Text, derived_id
from common.errors import Transient

SUMMARISE = "summarise"


@dataclass(frozen=True, slots=True)
class Sending:
    """Ends turns."""

    open_context: Opener
    turns: Turns

    async def send(self, work: Work, reply: Reply, lease: Lease, *, last: bool) -> bool:
        """Send a reply unless the customer has written since; False to start over.

        A run whose tools may have changed something is sent in any case: begun anew, it could
        not know what it had done.
        """
        turn, run = work.turn, work.turn.run
        if await self._said_at_once(work, reply, lease):
            return True
        async with self.open_context() as context:
            held = await context.conversations.hold(turn.conversation.id)
            if held.state is not State.BOT:
                await _drop(context, work, reply, lease)
                return True
            if held.last_seq > run.upto_seq and not last and not run.wrote:
                ended = Ended("superseded", answer=reply.text, steps=work.unwritten)
                await context.conversations.set_aside(turn, ended, close=False)
                await settle(context, work)
                return False
            await self.say(context, work, reply)
            await lease.finish(context)
        return True

    async def _said_at_once(self, work: Work, reply: Reply, lease: Lease) -> bool:
        """Say it and end the turn in one step; False when there is more to do, or to decide."""
        turn = work.turn
        if reply.hand_off is not None or not work.ask.is_free:
            return False
        ended, commands = _ended(work, reply)
        if not await self.turns.end(turn, ended, commands, lease):
            return False
        if _is_to_be_summarised(turn):
            # The next turn asks again, should this fail.
            with suppress(Transient):
                async with self.open_context() as context:
                    await context.chores.add(_summary(turn))
        return True

    async def give_up(self, work: Work, error: Exception, lease: Lease) -> None:
        """Ask for a person, and say something polite: never nothing, never the error."""
        turn, asked = work.turn, work.turn.run.hand_off or {}
        reason, summary = str(asked.get("reason") or why(error)), str(asked.get("summary", ""))
        async with self.open_context() as context:
            text = hand_off_words(turn, Wording.FALLBACK, context.now())
            reply = Reply(text, "handed_off", reason, summary)
            held = await context.conversations.hold(turn.conversation.id)
            if held.state is not State.BOT:
                await _drop(context, work, reply, lease)
                return
            await self.say(context, work, reply)
            await lease.finish(context)

    async def say(self, context: Context, work: Work, reply: Reply) -> None:
        """Say what is ours to say, and end the run and the turn, in this transaction."""
        turn = work.turn
        ended, commands = _ended(work, reply)
        for command in commands:
            context.outbox.add(command, tenant=turn.agent.tenant)
        await context.conversations.answered(turn, ended, context.now())
        if reply.hand_off is not None:
            if turn.conversation.pending is not None:
                # What was said instead is no question, and no yes answers it.
                await context.conversations.set_pending(turn.conversation.id, None)
            await _ask_for_a_person(context, turn, reply)
        await settle(context, work)
        if _is_to_be_summarised(turn):
            await context.chores.add(_summary(turn))


def _ended(work: Work, reply: Reply) -> tuple[Ended, list[SendMessage]]:
    """Give a run's end, and the commands that say it."""
    turn = work.turn
    texts = bubbles(reply.text, split=turn.agent.settings.split_messages)
    place = turn.run.with_steps(*work.unwritten).next_seq
    sent = Step(place, StepKind.SEND, output={"messages": len(texts)})
    steps = [*work.unwritten, sent]
    ended = Ended(reply.outcome, texts, reply.text, reply.hand_off or "", steps)
    return ended, [_command(turn, n, text) for n, text in enumerate(texts)]


def _is_to_be_summarised(turn: Turn) -> bool:
    return to_summarise(turn) > turn.conversation.summary_upto


def _summary(turn: Turn) -> Chore:
    """Make the chore; it is named by where the last one ended, so that one at a time waits."""
    conversation, after = turn.conversation.id, str(turn.conversation.summary_upto)
    upto = str(to_summarise(turn))
    return Chore(
        turn.agent.tenant,
        f"{conversation}:summary",
        derived_id("sum", conversation, after),
        {"do": SUMMARISE, "conversation": conversation, "after": after, "upto": upto},
    )


async def _drop(context: Context, work: Work, reply: Reply, lease: Lease) -> None:
    """A person took over while the model was thinking: nothing of ours is said."""
    ended = Ended("dropped", answer=reply.text, steps=work.unwritten)
    await context.conversations.set_aside(work.turn, ended, close=True)
    await settle(context, work)
    await lease.finish(context)


async def _ask_for_a_person(context: Context, turn: Turn, reply: Reply) -> None:
    conversation, settings = turn.conversation, turn.agent.settings
    reason = reply.hand_off or ""
    await move(
        context, conversation, State.HANDOFF_REQUESTED, reason, minutes=settings.hand_off_minutes
    )
    requested = HandoffRequested(
        conversation_id=conversation.id,
        agent_id=turn.agent.id,
        integration_id=conversation.integration_id,
        chat_id=conversation.chat_id,
        reason=reason,
        summary=reply.summary or told_to_a_person(turn),
    )
    context.outbox.add(requested, tenant=turn.agent.tenant)


async def settle(context: Context, work: Work) -> None:
    """Count what was paid for since the last step in the journal."""
    if work.ask.is_free:
        return
    used = Usage(
        sum(step.usage.input_tokens for step in work.unwritten),
        sum(step.usage.cached_tokens for step in work.unwritten),
        sum(step.usage.output_tokens for step in work.unwritten),
    )
    await context.budgets.settle(work.ask, used, sum(s.cost.micros for s in work.unwritten))


def _command(turn: Turn, n: int, text: str) -> SendMessage:
    settings = turn.agent.settings
    return SendMessage(
        command_id=command_id(turn.run.id, n),
        chat_id=turn.conversation.chat_id,
        integration_id=turn.conversation.integration_id,
        content=Text(text=text),
        typing_ms=max(settings.delay_ms, typing_ms(text, settings.typing_ms_per_char)),
    )
