"""A journey told step by step: what happened, how long it took, and whether it was right."""

import asyncio
import json
import time
from collections.abc import Awaitable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from devstack.errors import StackError
from devstack.screen import Screen

_LIMIT = 30.0


@dataclass(frozen=True, slots=True)
class Told:
    """One step that was played."""

    name: str
    ok: bool
    ms: float


@dataclass(slots=True)
class Transcript:
    """Plays steps one after the other, prints each, and stops at the first that fails."""

    screen: Screen
    broker: str
    steps: list[Told] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether something was played and all of it was right."""
        return bool(self.steps) and all(step.ok for step in self.steps)

    async def play(self, name: str, work: Awaitable[str], limit: float = _LIMIT) -> None:
        """Play one step; what it returns is printed as the thing that was seen.

        Raises:
            StackError: it failed, or took longer than `limit` seconds.
        """
        began = time.monotonic()
        try:
            async with asyncio.timeout(limit):
                seen = await work
        except (StackError, TimeoutError) as error:
            reason = str(error) or f"nothing happened within {limit:.0f} s"
            self._tell(name, began, ok=False, seen=reason)
            raise StackError(f"The demo stopped at `{name}`: {reason}") from error
        self._tell(name, began, ok=True, seen=seen)

    def _tell(self, name: str, began: float, *, ok: bool, seen: str) -> None:
        told = Told(name, ok, round((time.monotonic() - began) * 1000, 1))
        self.steps.append(told)
        mark = "ok  " if ok else "FAIL"
        self.screen.tell(f"  {mark} {name:<34} {told.ms:>8.0f} ms   {seen}".rstrip())

    def write(self, path: Path) -> None:
        """Write the result for machines: `{"ok", "broker", "steps": [{"name", "ok", "ms"}]}`."""
        steps = [asdict(step) for step in self.steps]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            json.dumps({"ok": self.ok, "broker": self.broker, "steps": steps}, indent=2)
        )
