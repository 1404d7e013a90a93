"""A webhook while it is read, and what may be said of it."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from common.contracts import IntegrationId
from whatsapp_service.domain.model import Ignored, Observation, Unknown

Said = Observation | Ignored | Unknown


class Notice(NamedTuple):
    """One webhook body, whose number it is about, and when it is read."""

    event: str
    body: dict[str, Any]
    data: Any
    integration: IntegrationId
    now: datetime


Read = Callable[[Notice], Iterable[Said]]
"""Says everything that the webhooks of one event name say."""
