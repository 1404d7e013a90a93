"""What the front door says: something reached us from a provider."""

from typing import Any, ClassVar, Self

import orjson

from common.contracts.event import Event
from common.contracts.ids import IntegrationId
from common.contracts.topics import Topic


class EvolutionWebhookReceived(Event):
    """Evolution called one of our webhook URLs; the body is as it came, less its `apikey`."""

    type: ClassVar[str] = "gateway.evolution_webhook.received"
    topic: ClassVar[Topic] = Topic.EVOLUTION_WEBHOOKS
    key: ClassVar[str] = "instance"

    instance: str
    """The instance named in the body; empty when it names none."""
    integration_id: IntegrationId | None = None
    """From the sealed public id of the URL; None on the shared route."""
    generation: int | None = None
    body: dict[str, Any] | None = None
    parked: str | None = None
    """Where the object store keeps a body that is over the record limit."""

    @classmethod
    def from_json(cls, value: bytes) -> Self:
        """Read it without walking the body, which is a provider's and has no shape of ours."""
        raw = orjson.loads(value)
        if not isinstance(raw, dict) or not isinstance(raw.get("body"), dict | None):
            return cls.model_validate(raw)
        body = raw.pop("body", None)
        received = cls.model_validate(raw)
        # Frozen for everybody else; this is its birth.
        received.__dict__["body"] = body
        return received
