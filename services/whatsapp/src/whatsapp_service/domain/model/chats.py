"""Whom a chat is with, by every name WhatsApp has for them."""

from functools import lru_cache
from typing import NamedTuple

from common.contracts import ChatId, IntegrationId, derived_id


class ChatAddress(NamedTuple):
    """Whom a chat is with: a person known by phone, by LID or both, or a group."""

    reply_to: str
    """The JID to send to: the one the last message came from."""
    phone: str | None = None
    """E.164."""
    lid: str | None = None
    group: str | None = None
    name: str | None = None

    @property
    def aliases(self) -> tuple[str, ...]:
        """Every name we know this chat by, the strongest first; never empty."""
        if self.group is not None:
            return (f"group:{self.group}",)
        return _names(self.phone, self.lid) or (f"jid:{self.reply_to}",)

    def chat_id(self, integration: IntegrationId) -> ChatId:
        """Give the id that a new chat with this address gets."""
        return chat_id_of(integration, self.aliases[0])


# The same people write again and again.
@lru_cache(maxsize=10_000)
def _names(phone: str | None, lid: str | None) -> tuple[str, ...]:
    known = []
    if phone is not None:
        known.append(f"phone:{canonical_phone(phone)}")
    if lid is not None:
        known.append(f"lid:{lid}")
    return tuple(known)


@lru_cache(maxsize=10_000)
def chat_id_of(integration: IntegrationId, alias: str) -> ChatId:
    """Give the id that a new chat gets which is first heard of by this name."""
    return ChatId(derived_id("cht", integration, alias))


_BRAZIL = "+55"
_BRAZIL_WITHOUT_NINE = 13
"""Digits of +55, area code and an eight-digit subscriber, with the plus sign."""


def canonical_phone(phone: str) -> str:
    """Give the one spelling of a phone: a Brazilian mobile always with its ninth digit.

    WhatsApp knows such a number with or without the 9, depending on when it was registered;
    a subscriber number that starts with 6-9 is a mobile.
    """
    if phone.startswith(_BRAZIL) and len(phone) == _BRAZIL_WITHOUT_NINE and phone[5] in "6789":
        return f"{phone[:5]}9{phone[5:]}"
    return phone
