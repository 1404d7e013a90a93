"""Think: ask the model, use the tools it asks for, until there is something to say."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from agent_service.domain.model import (
    Answer,
    Ending,
    Image,
    Request,
    Step,
    StepKind,
    Turn,
    request_of,
)
from agent_service.domain.model.checks import breach
from agent_service.domain.model.control import hand_off_words
from agent_service.domain.model.history import images_to_see
from agent_service.domain.model.texts import whole_sentences
from agent_service.domain.model.wordings import Wording, words_for
from agent_service.domain.ports import Clock, Lease, Opener, Outside, TooMuchContext, Wasted
from agent_service.domain.usecases.acting import Acting
from agent_service.domain.usecases.opening import reserve_next
from agent_service.domain.usecases.spending import paid, wasted
from agent_service.domain.usecases.work import CapReached, Reply, Work, outcome_of
from common.errors import Refused

_MOST_IMAGES = 4
_CARE = ("self-harm", "self-harm/intent", "self-harm/instructions")
"""What a customer is flagged for when it is them who need a person."""


@dataclass(slots=True)
class Thinking:
    """Finds out what to say to a turn."""

    open_context: Opener
    outside: Outside
    now: Clock
    _acting: Acting = field(init=False)

    def __post_init__(self) -> None:
        self._acting = Acting(self.open_context, self.now)

    async def think(self, work: Work, lease: Lease) -> Reply:
        """Go on from where the run's journal ends.

        Raises:
            Transient: the model is away or busy; the journal holds what was done.
            CapReached: the run has gone as far as it may.
            BudgetSpent: a hard limit is reached.
            Permanent: this will never work.
        """
        flagged = await self._moderated(work.turn)
        if flagged is not None:
            return flagged
        while True:
            _require_within_caps(work)
            for call, begun in work.turn.run.calls_to_do:
                await self._acting.act(work, call, begun, lease)
            over = _handed_over(work.turn)
            if over is not None:
                return over
            _require_within_caps(work)
            step = await self._ask(work)
            answer = step.answer
            if not answer.calls and (text := _sayable(answer)):
                work.unwritten.append(step)
                return _checked(work.turn, text, answer)
            if not answer.calls and not _may_have_room(work.turn, answer):
                work.unwritten.append(step)
                raise Refused(_nothing(answer))
            await self._journal(work, step, lease)

    async def _moderated(self, turn: Turn) -> Reply | None:
        settings = turn.agent.settings
        if not settings.moderation or turn.run.steps:
            return None
        said = "\n".join(line.text for line in turn.unanswered)
        categories = await self.outside.moderator.flagged(turn.agent, said)
        if not categories:
            return None
        if set(categories) & set(_CARE):
            reason = f"what the customer wrote was flagged: {', '.join(categories)}"
            return Reply(hand_off_words(turn, Wording.FALLBACK, self.now()), "flagged", reason)
        return Reply(words_for(Wording.REFUSAL, settings, turn.conversation), "flagged")

    async def _ask(self, work: Work) -> Step:
        """Pay for one answer."""
        work.grant.require()
        turn, began = work.turn, self.now()
        images = await self._pictures(turn)
        try:
            answer = await self._answer(turn, images)
        except Wasted as error:
            if error.is_paid:
                step = self._step(turn, began)
                work.unwritten.append(wasted(error, step, self.outside.prices))
            raise
        step = replace(self._step(turn, began), output=answer.written())
        return paid(step, answer, self.outside.prices)

    def _step(self, turn: Turn, began: datetime) -> Step:
        elapsed = int((self.now() - began).total_seconds() * 1000)
        return Step(turn.run.next_seq, StepKind.MODEL, latency_ms=elapsed)

    async def _answer(self, turn: Turn, images: dict[int, Image]) -> Answer:
        budget = turn.agent.settings.history_tokens
        request = _roomy(request_of(turn, self.now(), budget=budget, images=images), turn)
        try:
            return await self.outside.model.answer(request)
        except TooMuchContext:
            # Once, with nothing but what must be answered; what is still too much is a person's.
            request = _roomy(request_of(turn, self.now(), budget=0), turn)
            return await self.outside.model.answer(request)

    async def _pictures(self, turn: Turn) -> dict[int, Image]:
        lines = list(images_to_see(turn, most=_MOST_IMAGES))
        return dict(await self.outside.files.see(turn.agent.tenant, lines)) if lines else {}

    async def _journal(self, work: Work, step: Step, lease: Lease) -> None:
        """Write an answer down before anything follows from it, and reserve the next."""
        async with self.open_context() as context:
            await lease.confirm(context)
            await context.runs.journal(work.turn, [step])
            await context.budgets.settle(work.ask, step.usage, step.cost.micros)
            work.note(step)
            await reserve_next(context, work, self.outside)


def _require_within_caps(work: Work) -> None:
    cap = work.turn.run.over(work.turn.agent.settings.caps)
    if cap is not None:
        raise CapReached(f"the answer reached its limit of {cap}")


def _roomy(request: Request, turn: Turn) -> Request:
    """Give twice the room to an answer that was cut off before anything could be said."""
    cut = any(step.answer.ending is Ending.CUT for step in turn.run.of_kind(StepKind.MODEL))
    more = request.max_output_tokens * 2
    return replace(request, max_output_tokens=more) if cut else request


def _may_have_room(turn: Turn, answer: Answer) -> bool:
    """Whether an answer said nothing because it was cut off, for the first time."""
    before = any(step.answer.ending is Ending.CUT for step in turn.run.of_kind(StepKind.MODEL))
    return answer.ending is Ending.CUT and not before


def _sayable(answer: Answer) -> str:
    """Give what of an answer can be said: all of it, or its whole sentences when it broke off."""
    text = answer.text.strip()
    return whole_sentences(text) if answer.ending is Ending.CUT else text


def _nothing(answer: Answer) -> str:
    if answer.ending is Ending.CUT:
        return "the model did not finish: max_output_tokens"
    return "the model said nothing"


def _checked(turn: Turn, text: str, answer: Answer) -> Reply:
    """Look at an answer before anybody else does."""
    asked = turn.run.hand_off
    found = breach(text, turn.agent)
    if found is not None:
        reason = f"the answer would have shown {found}"
        text = words_for(Wording.FALLBACK, turn.agent.settings, turn.conversation)
        return Reply(text, "withheld", reason)
    if asked is not None:
        return Reply(text, "handed_off", str(asked["reason"]), str(asked["summary"]))
    return Reply(text, outcome_of(answer.ending))


def _handed_over(turn: Turn) -> Reply | None:
    """When the model asked for a person and said so at once, nothing more is paid for."""
    asked = turn.run.hand_off
    if asked is None:
        return None
    *_, newest = turn.run.of_kind(StepKind.MODEL)
    text = newest.answer.text.strip()
    return _checked(turn, text, newest.answer) if text and newest.answer.calls else None
