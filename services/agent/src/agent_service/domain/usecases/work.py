"""A turn in hand: what is known of it, how far it has come, and the ways in which it can end."""

from dataclasses import dataclass, field

from agent_service.domain.model import Ask, Ending, Step, Turn
from agent_service.domain.ports import Tool
from agent_service.domain.usecases.spending import GRANTED, BudgetSpent, Grant
from common.errors import ParleyError, Permanent


class CapReached(Permanent):
    """The run has gone as far as it may."""

    code = "cap_reached"


@dataclass(slots=True)
class Work:
    """A turn that is being answered; changes as its run goes on."""

    turn: Turn
    tools: dict[str, Tool]
    ask: Ask
    grant: Grant = GRANTED
    """Whether the next model call may be made."""
    unwritten: list[Step] = field(default_factory=list)
    """Steps that were paid for and go into the journal with the run's end."""

    def note(self, *steps: Step) -> None:
        """Take up steps that are in the journal now."""
        self.turn = self.turn.with_run(self.turn.run.with_steps(*steps))


@dataclass(frozen=True, slots=True)
class Reply:
    """What is to be said to the customer."""

    text: str
    outcome: str = "sent"
    hand_off: str | None = None
    """Why a person is asked for, if one is."""
    summary: str = ""


def outcome_of(ending: Ending) -> str:
    """Name a run's outcome by how its last answer ended."""
    return "refused" if ending is Ending.REFUSED else "sent"


def why(error: Exception) -> str:
    """Say why in our own words; a bug's message may hold anything, so it stays in the log."""
    match error:
        case CapReached() | BudgetSpent():
            return str(error)
        case ParleyError():
            return f"the model cannot answer: {str(error)[:300]}"
        case _:
            return "the model cannot answer: an error of ours"
