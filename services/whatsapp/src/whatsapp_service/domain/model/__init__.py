"""Numbers, chats and messages as values, and the rules that hold for them."""

from whatsapp_service.domain.model.chats import ChatAddress, canonical_phone
from whatsapp_service.domain.model.numbers import Integration, Qr, instance_name
from whatsapp_service.domain.model.observations import STALE_AFTER, Ignored, Observation, Unknown
from whatsapp_service.domain.model.outbound import CLOCK_SKEW, Outbound, OutboundState, SentMessage

__all__ = [
    "CLOCK_SKEW",
    "STALE_AFTER",
    "ChatAddress",
    "Ignored",
    "Integration",
    "Observation",
    "Outbound",
    "OutboundState",
    "Qr",
    "SentMessage",
    "Unknown",
    "canonical_phone",
    "instance_name",
]
