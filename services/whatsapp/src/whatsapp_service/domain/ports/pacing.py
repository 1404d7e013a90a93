"""What keeping numbers at their pace needs."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from common.contracts import IntegrationId
from whatsapp_service.domain.model.pacing import NumberFacts, NumberPlan, Signs


class PaceNow(NamedTuple):
    """How one kind of message stands with its pace."""

    gap: timedelta
    next_at: datetime
    budget: int | None
    spent: int
    waiting: int
    """Chats with messages of this kind that wait."""


class NumberHealth(NamedTuple):
    """What sending has taught us about a number."""

    state: str
    first_open_at: datetime | None
    risk: float
    signs: Signs
    checked_at: datetime | None
    replies: PaceNow | None
    """None while nothing slows them."""
    broadcasts: PaceNow | None
    """None before its first."""


class Paces(Protocol):
    """The pace that each number keeps, and the signs by which it is set."""

    async def ours(self) -> bool:
        """Whether all numbers are ours to look at; holds until the transaction ends."""

    async def with_others(self) -> None:
        """Wait until nobody has all numbers to himself; holds until the transaction ends."""

    async def numbers(self, now: datetime) -> list[NumberFacts]:
        """Give every number that this transaction may see, with what became of its messages."""

    async def health(self, integration_id: IntegrationId) -> NumberHealth | None:
        """Show what is known of a number; None when there is no such number."""

    async def keep(self, plans: Sequence[NumberPlan]) -> None:
        """Set paces and note risks."""
