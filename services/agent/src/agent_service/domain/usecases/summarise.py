"""Tell what was said before in a few words, so that a long conversation stays affordable."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from agent_service.domain.model import (
    Agent,
    Conversation,
    Request,
    Said,
    Step,
    StepKind,
)
from agent_service.domain.model.prompts import as_data, summary_instructions, transcript
from agent_service.domain.ports import Clock, Context, Opener, Outside
from common.contracts import ConversationId, RunId, derived_id
from common.errors import ParleyError

_LONGEST = 200
"""Lines that one summary tells of at most."""
_LONGEST_TEXT = 60_000
"""Characters of them: some 15,000 tokens."""
_TOKENS = 400


@dataclass(frozen=True, slots=True)
class Summarising:
    """Makes summaries."""

    open_context: Opener
    outside: Outside
    now: Clock

    async def chore(
        self,
        conversation_id: ConversationId,
        upto: int,
        finish: Callable[[Context], Awaitable[None]],
    ) -> None:
        """Summarise a conversation up to a line, outside of any turn.

        Raises:
            Transient: the model is away; the chore is tried again.
        """
        async with self.open_context() as context:
            found = await context.conversations.get(conversation_id)
            agent = await context.agents.get(found.agent_id) if found is not None else None
            if found is None or agent is None or found.summary_upto >= upto:
                await finish(context)
                return
        await self._make(agent, found, upto, finish)

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
        after = conversation.summary_upto
        async with self.open_context() as context:
            lines = await context.conversations.lines(
                conversation.id, limit=_LONGEST, after=after, upto=upto
            )
        began = self.now()
        before = f"{conversation.summary}\n\n" if conversation.summary else ""
        said = as_data("conversation", before + transcript(reversed(lines)), _LONGEST_TEXT)
        answer = await self.outside.model.answer(
            Request(agent, summary_instructions(), (Said("user", said),), max_output_tokens=_TOKENS)
        )
        step = Step(
            1,
            StepKind.SUMMARY,
            output={"upto": upto},
            model=answer.model,
            usage=answer.usage,
            cost=self.outside.prices.of(answer.model).cost(answer.usage),
            latency_ms=int((self.now() - began).total_seconds() * 1000),
        )
        run = RunId(derived_id("run", "summary", conversation.id, str(upto)))
        async with self.open_context() as context:
            await within(context)
            await context.runs.enter(run, (agent.tenant, agent.id, conversation.id), step)
            await context.conversations.summarised(conversation.id, answer.text, upto)
        return answer.text
