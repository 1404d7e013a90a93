"""A run: what a model was asked and said and did to answer a turn, step by step."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from agent_service.domain.model.agents import Caps
from common.contracts import AgentId, CommandId, ConversationId, RunId, derived_id


def turn_id(conversation: ConversationId, first_seq: int) -> str:
    """Name the turn that begins with this line of the customer's."""
    return derived_id("trn", conversation, str(first_seq))


def run_id(turn: str, upto_seq: int) -> RunId:
    """Name the run that answers a turn up to a line: the same work has the same name."""
    return RunId(derived_id("run", turn, str(upto_seq)))


def command_id(run: RunId, bubble: int | str) -> CommandId:
    """Name a message of a run; a run that is repeated sends the same commands."""
    return CommandId(derived_id("cmd", run, str(bubble)))


@dataclass(frozen=True, slots=True)
class Usage:
    """What a model call used: tokens, or the length of a recording."""

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    """Of sound, where that is what is billed."""

    @property
    def total(self) -> int:
        """All of them."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model wants used; `arguments` is JSON text, usually."""

    id: str
    name: str
    arguments: str


class Ending(StrEnum):
    """How an answer ended."""

    COMPLETE = "complete"
    CUT = "cut"
    """At the most tokens an answer may have."""
    REFUSED = "refused"
    """The model will not answer this; its text says so."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said, and which tools it wants used before it goes on."""

    text: str
    usage: Usage
    model: str
    calls: tuple[ToolCall, ...] = ()
    reasoning: tuple[dict[str, Any], ...] = ()
    """Sealed thoughts, to be handed back with the calls that follow from them."""
    ending: Ending = Ending.COMPLETE

    def written(self) -> dict[str, Any]:
        """Give what a journal must hold to go on from here."""
        return {
            "text": self.text,
            "calls": [asdict(call) for call in self.calls],
            "reasoning": list(self.reasoning),
            "ending": self.ending,
        }


class StepKind(StrEnum):
    """What a step did."""

    MODEL = "model"
    TOOL = "tool"
    SEND = "send"
    SUMMARY = "summary"
    TRANSCRIPTION = "transcription"


class StepState(StrEnum):
    """How far a step has come."""

    STARTED = "started"
    """It may have had its effect, or not: ask before anything is repeated."""
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It may have had its effect, and nobody can say."""


class Effect(StrEnum):
    """What using a tool does to the world."""

    READ = "read"
    WRITE = "write"
    IRREVERSIBLE = "irreversible"
    """The customer must confirm it."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a step cost us."""

    micros: int = 0
    priced: bool = True
    """False when the model has no price of its own and the default was taken."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a run's journal."""

    seq: int
    kind: StepKind
    state: StepState = StepState.DONE
    name: str = ""
    """The tool's."""
    call_id: str = ""
    input: dict[str, Any] = field(default_factory=dict)
    output: dict[str, Any] = field(default_factory=dict)
    model: str = ""
    usage: Usage = Usage()
    cost: Cost = Cost()
    latency_ms: int = 0

    @property
    def answer(self) -> Answer:
        """What the model said in this step."""
        calls = tuple(ToolCall(**call) for call in self.output.get("calls", ()))
        reasoning = tuple(self.output.get("reasoning", ()))
        ending = Ending(self.output.get("ending", Ending.COMPLETE))
        text = str(self.output.get("text", ""))
        return Answer(text, self.usage, self.model, calls, reasoning, ending)

    @property
    def may_have_written(self) -> bool:
        """Whether something outside may be different because of this step."""
        return (
            self.kind is StepKind.TOOL
            and self.state is not StepState.FAILED
            and self.input.get("effect", Effect.READ) != Effect.READ
        )

    @property
    def said(self) -> str:
        """What the model is told about this tool call."""
        return str(self.output.get("text", ""))


@dataclass(frozen=True, slots=True)
class Run:
    """The answering of a turn up to one line, with what has been done for it so far."""

    id: RunId
    upto_seq: int
    steps: tuple[Step, ...] = ()
    agent: AgentId | None = None
    """Who began it; None for one that begins."""

    @property
    def next_seq(self) -> int:
        """The place of the next step."""
        return self.steps[-1].seq + 1 if self.steps else 1

    def of_kind(self, kind: StepKind) -> Iterator[Step]:
        """Give the steps of one kind, in order."""
        return (step for step in self.steps if step.kind is kind)

    @property
    def wrote(self) -> bool:
        """Whether a tool may have changed something: then this run is ended, never begun anew."""
        return any(step.may_have_written for step in self.steps)

    def with_steps(self, *steps: Step) -> "Run":
        """Lay steps over the present ones, by their places."""
        merged = {step.seq: step for step in (*self.steps, *steps)}
        return replace(self, steps=tuple(merged[seq] for seq in sorted(merged)))

    @property
    def calls_to_do(self) -> list[tuple[ToolCall, Step | None]]:
        """The newest answer's calls without a result, each with the step that began it."""
        asked = list(self.of_kind(StepKind.MODEL))
        if not asked:
            return []
        tools = {s.call_id: s for s in self.of_kind(StepKind.TOOL) if s.seq > asked[-1].seq}
        calls = asked[-1].answer.calls
        return [
            (call, tools.get(call.id))
            for call in calls
            if call.id not in tools or tools[call.id].state is StepState.STARTED
        ]

    @property
    def tool_calls(self) -> int:
        """How many tools were used, or begun."""
        return sum(1 for _ in self.of_kind(StepKind.TOOL))

    @property
    def hand_off(self) -> dict[str, Any] | None:
        """Why the model asked for a person, if it did."""
        asked = (step.output.get("hand_off") for step in self.of_kind(StepKind.TOOL))
        return next((reason for reason in asked if reason), None)

    @property
    def usage(self) -> Usage:
        """All tokens of the run."""
        return Usage(
            sum(step.usage.input_tokens for step in self.steps),
            sum(step.usage.cached_tokens for step in self.steps),
            sum(step.usage.output_tokens for step in self.steps),
        )

    @property
    def cost_micros(self) -> int:
        """What the run cost so far."""
        return sum(step.cost.micros for step in self.steps)

    def over(self, caps: Caps) -> str | None:
        """Name the cap that forbids the next step, if one does."""
        seconds = sum(step.latency_ms for step in self.steps) / 1000
        reached = (
            ("model calls", sum(1 for _ in self.of_kind(StepKind.MODEL)) >= caps.model_calls),
            ("tool calls", len(self.calls_to_do) + self.tool_calls > caps.tool_calls),
            ("time", seconds >= caps.seconds),
            ("tokens", self.usage.total >= caps.tokens),
            ("cost", caps.cost_micros is not None and self.cost_micros >= caps.cost_micros),
        )
        return next((name for name, is_reached in reached if is_reached), None)
