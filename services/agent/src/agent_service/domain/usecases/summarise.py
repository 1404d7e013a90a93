"""Tell what was said before in a few words, so that a long conversation stays affordable."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import NamedTuple

from agent_service.domain.model import (
    Agent,
    Conversation,
    Ending,
    Price,
    Request,
    Said,
    Step,
    StepKind,
    Usage,
)
from agent_service.domain.model.prompts import as_data, summary_instructions, transcript
from agent_service.domain.ports import Clock, Context, Opener, Outside
from agent_service.domain.usecases.accounts import note_refusal, require_account
from agent_service.domain.usecases.spending import enter, paid, refund, reserve_aside
from common.contracts import ConversationId, RunId, derived_id
from common.errors import ParleyError, Permanent, Transient, Unavailable

_LONGEST = 200
"""Lines that one summary tells of at most."""
_LONGEST_TEXT = 60_000
"""Characters of them: some 15,000 tokens."""
_TOKENS = 400
"""Room for it, unless the agent's answers have more: who reasons needs it for that too."""
_TRIES = 3
_COOL_DOWN = timedelta(minutes=10)
"""After half a summary, which was paid for: with each turn that follows it would be paid again."""


class Span(NamedTuple):
    """The lines that a summary adds to the one before."""

    after: int
    """Where the one before ended, for who asked."""
    upto: int


@dataclass(frozen=True, slots=True)
class Summarising:
    """Makes summaries."""

    open_context: Opener
    outside: Outside
    now: Clock

    async def chore(
        self,
        conversation_id: ConversationId,
        span: Span,
        finish: Callable[[Context], Awaitable[None]],
        attempts: int = 0,
    ) -> None:
        """Summarise a conversation up to a line, outside of any turn.

        What cannot be told now is left to the next turn, which asks again. So is what a turn asked
        for that had begun before the last summary was made: it would be paid for a line or two.

        Raises:
            Transient: the model is away, or told half of it; the chore is tried again.
        """
        await self.outside.prices.refresh()
        async with self.open_context() as context:
            found = await context.conversations.get(conversation_id)
            agent = await context.agents.get(found.agent_id) if found is not None else None
            if found is None or agent is None or found.summary_upto > span.after:
                await finish(context)
                return
        try:
            await self._make(agent, found, span.upto, finish)
        except (Transient, Permanent) as error:
            if isinstance(error, Transient) and attempts + 1 < _TRIES:
                raise
            async with self.open_context() as context:
                await finish(context)

    async def make(
        self,
        agent: Agent,
        conversation: Conversation,
        upto: int,
        confirm: Callable[[Context], Awaitable[None]],
    ) -> str | None:
        """Summarise now; None when the model cannot: an answer without memory beats none."""
        try:
            return await self._make(agent, conversation, upto, confirm)
        except ParleyError:
            # Also a lost lease: whatever comes next confirms the lease again, and raises.
            return None

    async def _make(
        self,
        agent: Agent,
        conversation: Conversation,
        upto: int,
        within: Callable[[Context], Awaitable[None]],
    ) -> str:
        began = self.now()
        require_account(agent, began)
        run = RunId(derived_id("run", "summary", conversation.id, began.isoformat()))
        async with self.open_context() as context:
            request = await _request(context, agent, conversation, upto)
            ask, grant = await reserve_aside(
                context, (run, agent, conversation.id), *self._at_most(request)
            )
        grant.require()
        step = Step(1, StepKind.SUMMARY, input={"upto": upto})
        try:
            answer = await self.outside.model.answer(request)
        except Exception as error:
            await refund(self.open_context, ask, error, step, self.outside.prices)
            await note_refusal(self.open_context, agent, error, self.outside.alarm)
            raise
        elapsed = int((self.now() - began).total_seconds() * 1000)
        step = paid(replace(step, latency_ms=elapsed), answer, self.outside.prices)
        whole = answer.ending is Ending.COMPLETE and answer.text.strip()
        async with self.open_context() as context:
            # Conversations before meters before lanes, as a turn locks them.
            if whole:
                await context.conversations.summarised(conversation.id, answer.text, upto)
            await enter(context, ask, step)
            if whole:
                await within(context)
        if not whole:
            # The memory there is beats half of a newer one, and a refusal tells of nothing.
            raise Unavailable("the model told no whole summary", retry_after=_COOL_DOWN)
        return answer.text

    def _at_most(self, request: Request) -> tuple[Usage, Price]:
        model = request.agent.settings.model or self.outside.default_model
        return Usage(request.tokens, 0, request.max_output_tokens), self.outside.prices.of(model)


async def _request(
    context: Context, agent: Agent, conversation: Conversation, upto: int
) -> Request:
    """Ask for what was said since the last summary, told together with it."""
    lines = await context.conversations.lines(
        conversation.id, limit=_LONGEST, after=conversation.summary_upto, upto=upto
    )
    before = f"{conversation.summary}\n\n" if conversation.summary else ""
    said = as_data("conversation", before + transcript(reversed(lines)), _LONGEST_TEXT)
    room = max(_TOKENS, agent.settings.max_output_tokens)
    return Request(agent, summary_instructions(), (Said("user", said),), max_output_tokens=room)
