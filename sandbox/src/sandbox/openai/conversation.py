"""What a request says, whichever of the two APIs it came through."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.openai.tools import Choice, Tool
from sandbox.wire import Json


@dataclass(slots=True)
class Conversation:
    """A checked request, ready for the brain.

    Attributes:
        model: the model's name.
        system: all system and developer text, with the instructions.
        texts: every text in order, for matching and for the prompt cache.
        last_user: the newest user text.
        tool_output: the newest tool output, if it came after the newest user text.
        tokens: estimated input tokens.
        tools: the functions on offer.
        choice: which of them must be called.
        parallel: whether several calls may come in one answer.
        schema: the schema the answer has to fit.
        json_mode: whether any JSON object will do.
        max_output: the cap on output tokens.
    """

    model: str
    system: str = ""
    texts: list[str] = field(default_factory=list)
    last_user: str = ""
    tool_output: str | None = None
    tokens: int = 0
    tools: tuple[Tool, ...] = ()
    choice: Choice = field(default_factory=Choice)
    parallel: bool = True
    schema: Json | None = None
    json_mode: bool = False
    max_output: int | None = None

    def said(self, role: str, text: str) -> None:
        """Take up a message."""
        self.texts.append(text)
        if role in {"system", "developer"}:
            self.system = f"{self.system}\n{text}".strip()
        elif role == "user":
            self.last_user = text
            self.tool_output = None

    def answered(self, output: str) -> None:
        """Take up a tool's output."""
        self.texts.append(output)
        self.tool_output = output

    @property
    def prompt(self) -> str:
        """Everything the model reads, as one string."""
        return "\n".join(self.texts)
