"""What the person at the keyboard sees: one line per step, with the time it took."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO


@dataclass(slots=True)
class Step:
    """A step that is under way; its note stands at the end of its line."""

    name: str
    note: str = ""


@dataclass(slots=True)
class Screen:
    """Prints progress as it happens, also into a pipe."""

    out: TextIO = field(default_factory=lambda: sys.stdout)

    def tell(self, line: str = "") -> None:
        """Print one line now."""
        print(line, file=self.out, flush=True)

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Time a step and print its line when it is done; a failed step prints nothing."""
        step = Step(name)
        began = time.monotonic()
        yield step
        took = (time.monotonic() - began) * 1000
        self.tell(f"  {name:<28} {took:>7.0f} ms   {step.note}".rstrip())
