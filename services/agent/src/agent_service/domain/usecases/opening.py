"""Open a turn: what must be answered, with which tools, and whether there is money for it."""

from dataclasses import dataclass, replace

from agent_service.domain.model import Ask, Turn, Usage, request_of
from agent_service.domain.model.control import Course, decide
from agent_service.domain.ports import Clock, Context, Lease, Opener, Outside, Turns
from agent_service.domain.usecases.directing import direct
from agent_service.domain.usecases.sending import Sending, settle
from agent_service.domain.usecases.spending import ask_of, at_most, reserve
from agent_service.domain.usecases.work import Work
from common.contracts import ConversationId


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
            await reserve_next(context, work, self.outside)
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
            earlier=await context.runs.earlier(runs) if runs else None,
            tools=tuple(tool.spec for tool in tools.values()),
        )
        return Work(turn, tools, _ask(turn))

    async def release(self, work: Work, lease: Lease) -> None:
        """Give back what was reserved: the turn waits, and others may go on meanwhile."""
        if work.unwritten:
            async with self.open_context() as context:
                await lease.confirm(context)
                await context.runs.journal(work.turn, work.unwritten)
                await settle(context, work)
        elif not work.ask.is_free:
            async with self.open_context() as context:
                await context.budgets.release(work.ask)


async def reserve_next(context: Context, work: Work, outside: Outside) -> None:
    """Reserve the next model call of a turn: all that will be read, and the longest answer."""
    if not work.ask.is_free:
        settings = work.turn.agent.settings
        request = request_of(work.turn, context.now(), budget=settings.history_tokens)
        price = outside.prices.of(settings.model or outside.default_model)
        work.ask = at_most(work.ask, Usage(request.tokens, 0, request.max_output_tokens), price)
    work.grant = await reserve(context, work.ask)


def _ask(turn: Turn) -> Ask:
    return ask_of(turn.run.id, turn.agent, turn.conversation.id, turn.allowance)
