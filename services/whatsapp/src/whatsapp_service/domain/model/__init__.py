"""Numbers, chats and messages as values, and the rules that hold for them."""

from whatsapp_service.domain.model.chats import ChatAddress, canonical_phone, chat_id_of
from whatsapp_service.domain.model.numbers import (
    ALIVE,
    ENDED,
    Account,
    Integration,
    Patience,
    Qr,
    Sighting,
    Traffic,
    Transport,
    instance_name,
    judge,
    number_name,
    phone_digits,
)
from whatsapp_service.domain.model.observations import STALE_AFTER, Ignored, Observation, Unknown
from whatsapp_service.domain.model.outbound import (
    CLOCK_SKEW,
    Outbound,
    OutboundState,
    Priority,
    SentMessage,
)
from whatsapp_service.domain.model.outgoing import Act, Message
from whatsapp_service.domain.model.sending_rules import KnownWords, QuietHours, SendingSettings

__all__ = [
    "ALIVE",
    "CLOCK_SKEW",
    "ENDED",
    "STALE_AFTER",
    "Account",
    "Act",
    "ChatAddress",
    "Ignored",
    "Integration",
    "KnownWords",
    "Message",
    "Observation",
    "Outbound",
    "OutboundState",
    "Patience",
    "Priority",
    "Qr",
    "QuietHours",
    "SendingSettings",
    "SentMessage",
    "Sighting",
    "Traffic",
    "Transport",
    "Unknown",
    "canonical_phone",
    "chat_id_of",
    "instance_name",
    "judge",
    "number_name",
    "phone_digits",
]
