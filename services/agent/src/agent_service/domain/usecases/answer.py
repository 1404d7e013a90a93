"""Answer a turn: ask the model once, send once, whatever dies in between.

The model's answer is journaled under the run's name before anything follows from it, and the
commands that send it are named after the run; so a repeated run neither pays nor sends again.
A customer always hears from us: what still fails after `PATIENCE` ends in a hand-off.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from agent_service.domain.model import Answer, State, Turn, bubbles, command_id, typing_ms
from agent_service.domain.ports import Clock, Context, Lease, Model, Opener
from common.contracts import ConversationId, HandoffRequested, SendMessage, Text
from common.errors import ParleyError, Permanent, RateLimited, Transient

_TRIES = 3
"""How often a customer who keeps writing makes us start over before we answer what we have."""
_BUG_TRIES = 3
"""How often we try what fails for a reason that we do not know; below the lanes' own limit."""
PATIENCE = timedelta(minutes=5)
"""How long a customer waits for a model that is away or busy, before a person is asked for."""
_SENT, _SUPERSEDED = "sent", "superseded"


class _Opened(NamedTuple):
    """A turn to answer, and how many seconds the tenant's rate makes it wait first."""

    turn: Turn
    wait: float


@dataclass(frozen=True, slots=True)
class Answering:
    """Answers turns."""

    open_context: Opener
    model: Model
    now: Clock
    patience: timedelta = PATIENCE

    async def answer(self, turn_id: str, conversation: ConversationId, lease: Lease) -> None:
        """Answer a turn, or find that there is nothing to answer.

        Raises:
            Transient: not now; the conversation's lane waits.
            LeaseLost: another worker has the conversation; nothing was written.
        """
        for attempt in range(_TRIES):
            opened = await self._open(turn_id, conversation, lease)
            if opened is None:
                return
            turn = opened.turn
            try:
                answer = turn.journaled or await self._ask(opened)
            except Exception as error:
                if not self._hopeless(error, lease):
                    raise
                await self._give_up(turn, error, lease)
                return
            if await self._send(turn, answer, lease, last=attempt + 1 == _TRIES):
                return

    async def _open(
        self, turn_id: str, conversation: ConversationId, lease: Lease
    ) -> _Opened | None:
        async with self.open_context() as context:
            turn = await context.conversations.turn(turn_id, conversation)
            if turn is None:
                await lease.finish(context)
                return None
            if turn.journaled is not None:
                return _Opened(turn, 0.0)
            per_minute = turn.agent.settings.requests_per_minute
            return _Opened(
                turn, await context.limits.reserve(turn.agent.tenant, per_minute=per_minute)
            )

    async def _ask(self, opened: _Opened) -> Answer:
        if opened.wait > 0:
            raise RateLimited(
                "the tenant's requests per minute are used up",
                retry_after=timedelta(seconds=opened.wait),
            )
        return await self.model.answer(opened.turn)

    def _hopeless(self, error: Exception, lease: Lease) -> bool:
        """Whether to stop trying: it cannot work, or the customer would wait for too long."""
        if isinstance(error, Transient):
            wait = error.retry_after or timedelta()
            return self.now() + wait > lease.waiting_since + self.patience
        return isinstance(error, Permanent) or lease.attempts + 1 >= _BUG_TRIES

    async def _send(self, turn: Turn, answer: Answer, lease: Lease, *, last: bool) -> bool:
        """Send the answer unless the customer has written since; False to start over."""
        async with self.open_context() as context:
            newest = await context.conversations.newest_seq(turn.conversation.id)
            if newest > turn.conversation.last_seq and not last:
                await context.conversations.journal(turn, answer, outcome=_SUPERSEDED)
                return False
            await context.conversations.journal(turn, answer, outcome=_SENT)
            texts = bubbles(answer.text, split=turn.agent.settings.split_messages)
            _say(context, turn, texts)
            await context.conversations.answered(turn, texts, context.now())
            await lease.finish(context)
        return True

    async def _give_up(self, turn: Turn, error: Exception, lease: Lease) -> None:
        """Ask for a person, and say something polite: never nothing, never the error."""
        conversation = turn.conversation
        async with self.open_context() as context:
            _say(context, turn, [turn.agent.settings.fallback_text])
            await context.conversations.answered(
                turn, [turn.agent.settings.fallback_text], context.now()
            )
            await context.conversations.change_state(conversation.id, State.HANDOFF_REQUESTED)
            requested = HandoffRequested(
                conversation_id=conversation.id,
                agent_id=turn.agent.id,
                integration_id=conversation.integration_id,
                chat_id=conversation.chat_id,
                reason=f"the model cannot answer: {_why(error)}",
            )
            context.outbox.add(requested, tenant=turn.agent.tenant)
            await lease.finish(context)


def _why(error: Exception) -> str:
    """Say why in our own words; a bug's message may hold anything, so it stays in the log."""
    return str(error)[:300] if isinstance(error, ParleyError) else "an error of ours"


def _say(context: Context, turn: Turn, texts: list[str]) -> None:
    for n, text in enumerate(texts):
        command = SendMessage(
            command_id=command_id(turn.run, n),
            chat_id=turn.conversation.chat_id,
            integration_id=turn.conversation.integration_id,
            content=Text(text=text),
            typing_ms=typing_ms(text, turn.agent.settings.typing_ms_per_char),
        )
        context.outbox.add(command, tenant=turn.agent.tenant)
