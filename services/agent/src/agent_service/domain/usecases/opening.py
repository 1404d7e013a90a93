"""Open a turn: what must be answered, with which tools, and whether there is money for it."""

from dataclasses import dataclass, replace

from agent_service.domain.model import Ask, Limits, Reached, Scope, Turn, Usage, request_of
from agent_service.domain.model.control import Course, decide
from agent_service.domain.ports import Clock, Context, Lease, Opener, Outside, Turns
from agent_service.domain.usecases.directing import direct
from agent_service.domain.usecases.sending import Sending
from agent_service.domain.usecases.work import Work
from common.contracts import ConversationId, LimitReached


@dataclass(frozen=True, slots=True)
class Opening:
    """Opens turns, and closes again what comes to nothing."""

    open_context: Opener
    outside: Outside
    sending: Sending
    turns: Turns
    now: Clock

    async def open(self, turn_id: str, conversation: ConversationId, lease: Lease) -> Work | None:
        """Read a turn and reserve its first model call; None when nothing must be answered."""
        await self.outside.prices.refresh()
        work = await self._opened_at_once(turn_id, conversation)
        if work is not None:
            return work
        async with self.open_context() as context:
            turn = await context.conversations.turn(turn_id, conversation)
            if turn is None:
                await lease.finish(context)
                return None
            turn = await direct(context, turn, self.sending, lease)
            if turn is None:
                return None
            work = await self._equipped(context, turn)
            await reserve(context, work, self.outside)
            return work

    async def _opened_at_once(self, turn_id: str, conversation: ConversationId) -> Work | None:
        """Open a turn that a model answers with words alone; None when there is more to it."""
        turn = await self.turns.read(turn_id, conversation)
        if turn is None or turn.agent.settings.tools or turn.agent.settings.fallback_agent_id:
            return None
        if decide(turn, self.now()).course is not Course.ANSWER:
            return None
        work = Work(turn, {}, _ask(turn))
        return work if await self.turns.take_request(work.ask) else None

    async def _equipped(self, context: Context, turn: Turn) -> Work:
        allowed = set(turn.agent.settings.tools)
        if not allowed:
            return Work(turn, {}, _ask(turn))
        tenant = turn.agent.tenant
        own = allowed - self.outside.toolbox.names
        found = await context.http_tools.named(tenant, own) if own else []
        tools = self.outside.toolbox.build(turn.agent, found)
        runs = {line.run for line in turn.history if line.run is not None}
        turn = replace(
            turn,
            facts=await context.facts.of(tenant, turn.conversation.chat_id),
            earlier=await context.runs.earlier(runs) if runs else None,
            tools=tuple(tool.spec for tool in tools.values()),
        )
        return Work(turn, tools, _ask(turn))

    async def release(self, work: Work) -> None:
        """Give back what was reserved: the turn waits, and others may go on meanwhile."""
        if not work.ask.is_free:
            async with self.open_context() as context:
                await context.budgets.release(work.ask)


async def reserve(context: Context, work: Work, outside: Outside) -> None:
    """Reserve the next model call of a turn, and say when a limit is near or reached."""
    if not work.ask.is_free:
        work.ask = _estimated(work, context, outside)
    work.wait, work.refused, news = await context.budgets.reserve(work.ask)
    for reached in news:
        _announce(context, work.turn, reached)


def _ask(turn: Turn) -> Ask:
    settings, agent = turn.agent.settings, turn.agent
    shared = turn.tenant_limits or Limits()
    if shared.requests_per_minute is None:
        shared = replace(shared, requests_per_minute=settings.requests_per_minute)
    scopes = (
        Scope("tenant", agent.tenant, shared),
        Scope("agent", agent.id, settings.limits),
        Scope("contact", turn.conversation.id, settings.contact_limits),
    )
    return Ask(turn.run.id, agent.tenant, agent.id, turn.conversation.id, scopes)


def _estimated(work: Work, context: Context, outside: Outside) -> Ask:
    """Say what the call may use at most: all that will be read, and the longest answer."""
    settings = work.turn.agent.settings
    request = request_of(work.turn, context.now(), budget=settings.history_tokens)
    price = outside.prices.of(settings.model or outside.default_model)
    most = Usage(request.tokens, 0, request.max_output_tokens)
    return replace(work.ask, tokens=most.total, micros=price.cost(most).micros)


def _announce(context: Context, turn: Turn, reached: Reached) -> None:
    event = LimitReached(
        conversation_id=turn.conversation.id,
        agent_id=turn.agent.id,
        scope=reached.scope.kind,
        period=reached.period,
        level=reached.level,
        used_micros=reached.used_micros,
        limit_micros=reached.limit_micros,
        since=reached.since,
    )
    context.outbox.add(event, tenant=turn.agent.tenant)
