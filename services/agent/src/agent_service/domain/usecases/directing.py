"""Follow what was decided about a turn before any model is asked."""

from dataclasses import replace

from agent_service.domain.model import Ask, State, Turn
from agent_service.domain.model.control import Course, Decision, decide, is_called
from agent_service.domain.ports import Context, Lease
from agent_service.domain.usecases.sending import Sending
from agent_service.domain.usecases.states import move
from agent_service.domain.usecases.work import Reply, Work
from common.contracts import AgentId


async def direct(context: Context, turn: Turn, sending: Sending, lease: Lease) -> Turn | None:
    """Give the turn that a model is to answer; None when it has ended here.

    A run that was begun goes on: what was decided at its beginning holds.
    """
    if turn.run.steps:
        return await _resumed(context, turn)
    decision = await _decided(context, turn)
    if decision.course is Course.OTHER_AGENT:
        turn, decision = await _handed_on(context, turn)
    match decision.course:
        case Course.ANSWER:
            return await _woken(context, turn)
        case Course.PASS | Course.OTHER_AGENT:
            await context.conversations.pass_over(turn.conversation.id, turn.run.upto_seq)
        case Course.FINISH:
            await sending.say(context, _words_only(turn), Reply(decision.text, "finished"))
            await move(context, turn.conversation, State.CLOSED, decision.reason)
        case Course.HAND_OFF:
            reply = Reply(decision.text, "handed_off", hand_off=decision.reason)
            await sending.say(context, _words_only(turn), reply)
        case Course.SAY:
            await sending.say(context, _words_only(turn), Reply(decision.text, "told"))
    await lease.finish(context)
    return None


async def _resumed(context: Context, turn: Turn) -> Turn:
    """Go on as the agent that began the run."""
    begun_by = turn.run.agent
    if begun_by is None or begun_by == turn.agent.id:
        return turn
    other = await context.agents.get(begun_by)
    known = other is not None and other.tenant == turn.agent.tenant
    return replace(turn, agent=other) if other is not None and known else turn


async def _decided(context: Context, turn: Turn) -> Decision:
    """Decide; a session that the fallback agent has begun is its own until ours is called."""
    other = turn.agent.settings.fallback_agent_id
    if other is None or is_called(turn):
        return decide(turn, context.now())
    if await context.runs.last_agent(turn.conversation.id) == other:
        return Decision(Course.OTHER_AGENT)
    return decide(turn, context.now())


async def _handed_on(context: Context, turn: Turn) -> tuple[Turn, Decision]:
    """Let the fallback agent decide; it hands nothing on, so two cannot play ping-pong."""
    name = AgentId(turn.agent.settings.fallback_agent_id or "")
    other = await context.agents.get(name)
    if other is None or other.tenant != turn.agent.tenant:
        return turn, Decision(Course.PASS, reason="there is no such fallback agent")
    turn = replace(turn, agent=other)
    return turn, decide(turn, context.now())


async def _woken(context: Context, turn: Turn) -> Turn:
    """A closed conversation that is answered again is the agent's again."""
    conversation = turn.conversation
    if conversation.state is not State.CLOSED:
        return turn
    await move(context, conversation, State.BOT, "the customer wrote again")
    return replace(turn, conversation=replace(conversation, state=State.BOT))


def _words_only(turn: Turn) -> Work:
    """A turn that costs nothing."""
    conversation = turn.conversation.id
    return Work(turn, {}, Ask(turn.run.id, turn.agent.tenant, turn.agent.id, conversation, ()))
