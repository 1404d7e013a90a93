"""What the channels beside Baileys do not offer: the same calls, refused."""

from __future__ import annotations

from sandbox.evolution.errors import business_error
from sandbox.evolution.service import Ask
from sandbox.evolution.state import BUSINESS, EVOLUTION

_NEITHER = frozenset(
    {
        "sendSticker",
        "sendPoll",
        "deleteMessageForEveryone",
        "whatsappNumbers",
        "markMessageAsRead",
        "sendPresence",
        "setPresence",
        "updateMessage",
    }
)
_MISSING = {
    BUSINESS: _NEITHER,
    EVOLUTION: _NEITHER
    | {
        "sendLocation",
        "sendList",
        "sendContact",
        "sendReaction",
        "getBase64FromMediaMessage",
    },
}
_CALLED = {BUSINESS: "WhatsApp Business API", EVOLUTION: "Evolution Channel"}


def require_offered(ask: Ask) -> None:
    """Refuse a call that the instance's channel has not; its body was looked at before.

    Raises:
        Refusal: 400.
    """
    channel = ask.instance.integration
    if ask.point.call in _MISSING.get(channel, ()):
        raise business_error(f"Method not available on {_CALLED[channel]}")
