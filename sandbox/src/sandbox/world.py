"""Everything one sandbox remembers, in one object, so that tests make as many as they like."""

from __future__ import annotations

import httpx2

from sandbox.background import Background
from sandbox.evolution.service import Evolution
from sandbox.faults import FaultBook
from sandbox.openai.service import OpenAI
from sandbox.settings import Settings


class World:
    """The outside world as one sandbox plays it."""

    def __init__(
        self,
        settings: Settings | None = None,
        webhook_transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.background = Background()
        self.faults = FaultBook()
        self.evolution = Evolution.start(
            self.settings, self.background, self.faults, webhook_transport
        )
        self.openai = OpenAI(self.settings, self.faults)

    def reset(self) -> None:
        """Forget everything and disarm every fault; nothing planned happens any more."""
        self.background.cancel()
        self.faults.clear()
        self.evolution.reset()
        self.openai.reset()

    async def aclose(self) -> None:
        """Stop all work in the background and close the connections."""
        await self.background.aclose()
        await self.evolution.courier.aclose()
