"""What a process is made of: parts that run, and say how they are."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from starlette.types import ASGIApp

from common.service.health import Check, Health

__all__ = ["Check", "Component", "Parts"]


class Component(Check, Protocol):
    """Something that runs for as long as the process: a consumer, a relay, a lane worker."""

    name: str

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, finish what is in hand, and return."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What one process runs."""

    api: ASGIApp | None = None
    """The application; without one, only health and metrics are served."""
    components: Sequence[Component] = ()
    health: Health | None = None
    """Give it when `api` is not what `create_app` made, but wraps it."""
