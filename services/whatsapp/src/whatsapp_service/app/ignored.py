"""What Evolution tells and we deliberately leave out: counted, so that it can be seen."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from common.contracts import IntegrationId
from common.telemetry import child, metrics
from whatsapp_service.domain.model import Ignored, Observation, Unknown
from whatsapp_service.domain.ports import Translate


class CountingIgnored:
    """A translation that counts, by reason, what it ignores; what is tried again counts again."""

    def __init__(self, translate: Translate) -> None:
        self._translate = translate

    def __call__(
        self, body: dict[str, Any], *, integration: IntegrationId, now: datetime
    ) -> Sequence[Observation | Ignored | Unknown]:
        """Say everything the body says."""
        found = self._translate(body, integration=integration, now=now)
        for said in found:
            if type(said) is Ignored:
                child(metrics.WEBHOOKS_IGNORED, _label(said.reason)).inc()
        return found


def _label(reason: str) -> str:
    """Leave out what stands in brackets, and after it: the provider's own words have no end."""
    return reason.partition(" (")[0]
