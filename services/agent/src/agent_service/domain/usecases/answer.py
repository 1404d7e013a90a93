"""Answer a turn: pay once, act once, send once, whatever dies in between.

Every model answer that asks for something is journaled before anything follows from it, every
tool call has its place in the journal, and the commands that send are named after the run; so a
run that is repeated goes on where it stopped. Only an answer that ends a run is journaled with
what it sends, in one transaction: a worker that dies in the moments between pays for it twice.
A customer always hears from us: what still fails after `PATIENCE` ends in a hand-off.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta

from agent_service.domain.ports import Clock, Lease, Opener, Outside, Turns
from agent_service.domain.usecases.accounts import note_refusal, require_account
from agent_service.domain.usecases.opening import Opening
from agent_service.domain.usecases.sending import Sending
from agent_service.domain.usecases.summarise import Summarising
from agent_service.domain.usecases.thinking import Thinking
from agent_service.domain.usecases.work import Work
from common.contracts import ConversationId
from common.errors import Permanent, Transient

_TRIES = 3
"""How often a customer who keeps writing makes us start over before we answer what we have."""
_BUG_TRIES = 3
"""How often we try what fails for a reason that we do not know; below the lanes' own limit."""
PATIENCE = timedelta(minutes=5)
"""How long a customer waits for a model that is away or busy, before a person is asked for."""


@dataclass(slots=True)
class Answering:
    """Answers turns."""

    open_context: Opener
    turns: Turns
    outside: Outside
    now: Clock
    patience: timedelta = PATIENCE
    _opening: Opening = field(init=False)
    _thinking: Thinking = field(init=False)
    _sending: Sending = field(init=False)
    _summaries: Summarising = field(init=False)

    def __post_init__(self) -> None:
        self._sending = Sending(self.open_context, self.turns)
        self._opening = Opening(
            self.open_context, self.outside, self._sending, self.turns, self.now
        )
        self._thinking = Thinking(self.open_context, self.outside, self.now)
        self._summaries = Summarising(self.open_context, self.outside, self.now)

    async def answer(self, turn_id: str, conversation: ConversationId, lease: Lease) -> None:
        """Answer a turn, or find that there is nothing to answer.

        Raises:
            Transient: not now; the conversation's lane waits.
            LeaseLost: another worker has the conversation; nothing was written.
        """
        for attempt in range(_TRIES):
            work = await self._opening.open(turn_id, conversation, lease)
            if work is None:
                return
            try:
                require_account(work.turn.agent, self.now())
                await self._remember(work, lease)
                reply = await self._thinking.think(work, lease)
            except Exception as error:
                agent, alarm = work.turn.agent, self.outside.alarm
                await note_refusal(self.open_context, agent, error, alarm)
                if not self._hopeless(error, lease):
                    await self._opening.release(work, lease)
                    raise
                await self._sending.give_up(work, error, lease)
                return
            if await self._sending.send(work, reply, lease, last=attempt + 1 == _TRIES):
                return

    async def _remember(self, work: Work, lease: Lease) -> None:
        """After a long silence, have the last session told in a few words first."""
        upto = work.turn.forgotten_upto
        if upto == 0 or not work.grant.given:
            return
        turn = work.turn
        told = await self._summaries.make(turn.agent, turn.conversation, upto, lease.confirm)
        if told is not None:
            known = replace(turn.conversation, summary=told, summary_upto=upto)
            work.turn = replace(turn, conversation=known)

    def _hopeless(self, error: Exception, lease: Lease) -> bool:
        """Whether to stop trying: it cannot work, or the customer would wait for too long."""
        if isinstance(error, Transient):
            wait = error.retry_after or timedelta()
            return self.now() + wait > lease.waiting_since + self.patience
        return isinstance(error, Permanent) or lease.attempts + 1 >= _BUG_TRIES
