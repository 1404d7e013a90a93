"""What looking after numbers needs to keep: checks, repairs, and what operators asked for."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from common.contracts import IntegrationId, TenantId
from whatsapp_service.domain.model import Integration, Traffic


class Errand(StrEnum):
    """What is done for a number in a lane of its own, because it must survive a crash."""

    ROTATE = "rotate"
    DELETE = "delete"
    DISCARD = "discard"
    REPAIR = "repair"


@dataclass(frozen=True, slots=True)
class Sweep:
    """One comparison of what the provider has with what we have."""

    id: str
    tenant: TenantId
    integration_id: IntegrationId
    cause: str
    """reopened, asked, leaked or schedule."""
    since: datetime
    started_at: datetime
    checked: int = 0
    missing: int = 0
    """Messages that no webhook had brought."""
    repaired: int = 0
    """Those of them that could be taken in."""
    levels: int = 0
    """Messages of ours whose way no webhook had told."""
    complete: bool = True
    """False when there was more to compare than one sweep looks at."""


class Care(Protocol):
    """How numbers are looked after."""

    async def due(self, count: int, *, every: timedelta) -> list[Integration]:
        """Take numbers whose check is due, and put their next check ahead; nobody else gets them.

        `every` is for a number that works; one in doubt is looked at more often.
        """

    async def sweep_quiet(self, since: datetime) -> None:
        """Have all working numbers compared at which nothing has happened since then."""

    async def sweep_due(self, integration_id: IntegrationId, *, every: timedelta) -> bool:
        """Say whether a comparison is due, and put the next one ahead."""

    async def missed(self, integration_id: IntegrationId, soon: timedelta) -> int:
        """Count a check that got no answer, and check again soon; gives how many in a row."""

    async def answered(self, integration_id: IntegrationId) -> None:
        """Forget the checks that got no answer."""

    async def traffic(
        self, integration_id: IntegrationId, *, since: datetime, until: datetime
    ) -> Traffic:
        """Count what was sent between the two times and what became of it."""

    async def want(
        self, integration: Integration, errand: Errand, *, cause: str, after: timedelta
    ) -> None:
        """Have an errand done; asked for again before it began, it is done once."""

    async def wake(self, integration_id: IntegrationId) -> None:
        """Let what waits to be sent for a number be tried at once."""

    async def rename(self, integration_id: IntegrationId, name: str) -> None:
        """Call a number something."""

    async def rotate(self, integration_id: IntegrationId, *, leaked: bool) -> bool:
        """Begin a new webhook address; False while one before the present one is believed.

        What `leaked` is believed no longer, nor anything before it.
        """

    async def rotated(self, integration: Integration, previous_until: datetime) -> None:
        """Note that the provider has this address, and how long the one before is believed."""

    async def begin_deletion(self, integration_id: IntegrationId) -> bool:
        """Mark a number as being removed; False when it is already."""

    async def deleted(self, integration_id: IntegrationId, previous_until: datetime) -> None:
        """Note that the provider has it no longer."""

    async def swept_until(self, integration_id: IntegrationId) -> datetime | None:
        """Say until when everything was compared."""

    async def record(self, sweep: Sweep) -> None:
        """Keep what a comparison found; a complete one moves `swept_until`."""

    async def census(self) -> dict[str, int]:
        """Count the numbers by their state."""
