"""What of a conversation a model is shown: this session, within a budget, nothing torn apart."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from zoneinfo import ZoneInfo

from agent_service.domain.model.agents import Agent, AgentSettings
from agent_service.domain.model.conversations import Conversation, Fact, Line, MediaState, Role
from agent_service.domain.model.limits import NO_LIMITS, Allowance
from agent_service.domain.model.prompts import (
    Called,
    Image,
    Item,
    Output,
    Request,
    Said,
    as_data,
    instructions_of,
    spoken,
    tokens_of,
)
from agent_service.domain.model.runs import Run, Step, StepKind
from agent_service.domain.model.texts import shortened
from agent_service.domain.model.tools import LONGEST_OUTPUT, ToolSpec
from common.contracts import derived_id

_FULL = 0.7
"""From this share of the budget on, a summary tells all of a session but its newest part."""
_KEPT = 1 / 3
"""The share that is left in the customer's own words; far below, since each summary is paid for."""
_LEAST = 8
"""Lines that a summary must have to tell of: with a short memory each would tell of one."""
_IN_SHORT = 400
"""Characters of a tool's output that a later turn is shown when all of it is too much."""
_TOLD_LINES, _TOLD = 6, 300
"""How many lines a person is told, and how many characters of each."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What must be answered now, and everything needed to do so."""

    id: str
    agent: Agent
    conversation: Conversation
    history: tuple[Line, ...]
    """In the order in which a model reads them: what waits for an answer comes last."""
    run: Run
    facts: tuple[Fact, ...] = ()
    earlier: Mapping[str, tuple[Step, ...]] | None = None
    """What runs did whose answers are in the history, by run."""
    tools: tuple[ToolSpec, ...] = ()
    allowance: Allowance = NO_LIMITS

    @property
    def unanswered(self) -> tuple[Line, ...]:
        """The customer's lines that this turn answers."""
        return tuple(line for line in self.history if self.awaits(line))

    @property
    def session(self) -> tuple[Line, ...]:
        """The lines since the last long silence that no summary tells of, without those."""
        idle = timedelta(minutes=self.agent.settings.session_idle_minutes)
        begins = 0
        by_time = sorted(self.history, key=lambda line: line.seq)
        for older, newer in pairwise(by_time):
            if newer.at - older.at > idle:
                begins = newer.seq
        begins = max(begins, self.conversation.summary_upto + 1)
        return tuple(x for x in self.history if x.seq >= begins and not self._is_newer(x))

    @property
    def forgotten_upto(self) -> int:
        """The newest line of earlier sessions that no summary tells of; 0 when there is none."""
        session = {line.seq for line in self.session}
        lost = (x.seq for x in self.history if x.seq not in session and not self._is_newer(x))
        newest = max(lost, default=0)
        return newest if newest > self.conversation.summary_upto else 0

    def awaits(self, line: Line) -> bool:
        """Whether a line is one that this turn answers."""
        newest, oldest = self.run.upto_seq, self.conversation.answered_seq
        return line.role is Role.CUSTOMER and oldest < line.seq <= newest

    def _is_newer(self, line: Line) -> bool:
        return line.role is Role.CUSTOMER and line.seq > self.conversation.answered_seq

    def with_run(self, run: Run) -> "Turn":
        """The same turn, one step on."""
        return replace(self, run=run)


def request_of(
    turn: Turn, now: datetime, *, budget: int, images: Mapping[int, Image] | None = None
) -> Request:
    """Write the question to the model.

    What never changes comes first, then what changes seldom, then what is new: so the longest
    part of it is the same as the last time, and read from the server's cache.
    """
    agent, seen = turn.agent, images or {}
    items: list[Item] = [*_known(turn), *_remembered(turn, budget)]
    items.append(Said("system", _clock(agent.settings, now)))
    items += (_said(line, seen.get(line.seq)) for line in turn.unanswered)
    items += _done(turn.run.steps)
    return Request(
        agent=agent,
        instructions=instructions_of(agent),
        items=tuple(items),
        tools=turn.tools,
        max_output_tokens=agent.settings.max_output_tokens,
        contact=derived_id("contact", agent.tenant, turn.conversation.chat_id),
    )


def told_to_a_person(turn: Turn) -> str:
    """Tell what was said, for a person whom no model tells: the summary, and the newest lines."""
    lines = turn.history[-_TOLD_LINES:]
    newest = (f"{line.role}: {shortened(line.text, _TOLD)}" for line in lines)
    return "\n".join(filter(None, (turn.conversation.summary, *newest)))


def to_summarise(turn: Turn) -> int:
    """Name the line up to which a summary should tell the session; 0 while it fits easily."""
    settings, lines = turn.agent.settings, turn.session
    if not lines or lines[-1].seq - turn.conversation.summary_upto < _LEAST:
        return 0
    sizes = [tokens_of(_said(line, None)) for line in lines]
    full = sum(sizes) >= settings.history_tokens * _FULL
    if not full and len(lines) < settings.history_messages * _FULL:
        return 0
    budget = settings.history_tokens * _KEPT
    newest_first = zip(reversed(lines), reversed(sizes), strict=True)
    for kept, (line, size) in enumerate(newest_first):
        budget -= size
        if budget < 0 or kept >= settings.history_messages * _KEPT:
            return line.seq
    return 0


def _known(turn: Turn) -> Iterator[Item]:
    if turn.facts:
        facts = "\n".join(f"{fact.name}: {fact.value}" for fact in turn.facts)
        yield Said("user", as_data("what is known about the customer", facts))
    if turn.conversation.summary:
        yield Said("user", as_data("summary of what was said before", turn.conversation.summary))


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines that belong together, and what a run did before it said them."""

    said: tuple[Said, ...]
    steps: tuple[Step, ...] = ()

    def told(self, longest: int) -> list[Item]:
        """Tell all of it, each tool's output in so many characters."""
        return [*_done(self.steps, with_reasoning=False, longest=longest), *self.said]


def _remembered(turn: Turn, budget: int) -> list[Item]:
    """Take blocks from the newest back, each whole, for as long as they fit.

    What was said comes before what tools put out: those are told with what is left, from the
    newest back, in short if need be.
    """
    taken: list[_Block] = []
    for block in reversed(list(_blocks(turn))):
        size = sum(map(tokens_of, block.said))
        if size > budget:
            break
        budget -= size
        taken.append(block)
    told: list[list[Item]] = []
    for block in taken:
        items: list[Item] = [*block.said]
        for longest in (LONGEST_OUTPUT, _IN_SHORT) if block.steps else ():
            whole = block.told(longest)
            more = sum(map(tokens_of, whole)) - sum(map(tokens_of, block.said))
            if more <= budget:
                budget, items = budget - more, whole
                break
        told.append(items)
    return [item for items in reversed(told) for item in items]


def _blocks(turn: Turn) -> Iterator[_Block]:
    """Group the session's lines: what a run did and said stays together."""
    earlier = turn.earlier or {}
    for run, lines in groupby(turn.session, key=lambda line: line.run or line.seq):
        yield _Block(tuple(_said(line, None) for line in lines), earlier.get(str(run), ()))


def _done(
    steps: Sequence[Step], *, with_reasoning: bool = True, longest: int = LONGEST_OUTPUT
) -> Iterator[Item]:
    """Tell of tool calls, each with its output: a call without one is refused by every server."""
    outputs = {step.call_id: step for step in steps if step.kind is StepKind.TOOL}
    for step in steps:
        answer = step.answer if step.kind is StepKind.MODEL else None
        if answer is None or not answer.calls or any(c.id not in outputs for c in answer.calls):
            continue
        yield Called(answer if with_reasoning else replace(answer, reasoning=()))
        for call in answer.calls:
            yield Output(call.id, as_data(f"tool {call.name}", outputs[call.id].said, longest))


def _said(line: Line, image: Image | None) -> Said:
    if line.role is not Role.CUSTOMER:
        return Said("assistant", line.text)
    words = spoken(line, _with_media(line, seen=image is not None))
    return Said("user", words, (image,) if image else ())


def _with_media(line: Line, *, seen: bool) -> str:
    """Name the file of a line; its words, if it has any, are the line's text."""
    media = line.media
    if media is None or seen:
        return line.text
    name = f": {media.name}" if media.name else ""
    label = f"[{media.kind}{name}]"
    if media.state is MediaState.LOST:
        label = f"[{media.kind}{name}, which could not be read]"
    return label if line.text in {"", f"[{media.kind}]"} else f"{label} {line.text}"


def _clock(settings: AgentSettings, now: datetime) -> str:
    local = now.astimezone(ZoneInfo(settings.time_zone))
    return f"It is {local:%A, %Y-%m-%d %H:%M} ({settings.time_zone})."


def images_to_see(turn: Turn, *, most: int) -> Iterable[Line]:
    """Give the customer's pictures that this turn is about, the newest of them if too many."""
    if not turn.agent.settings.see_images:
        return ()
    pictures = [
        line
        for line in turn.unanswered
        if line.media is not None
        and line.media.kind in {"image", "sticker"}
        and line.media.state is MediaState.STORED
    ]
    return pictures[-most:]
