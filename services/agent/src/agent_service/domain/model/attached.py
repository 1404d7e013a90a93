"""What comes with the words of a message, in words: a place, a contact, a choice, a quotation."""

from collections.abc import Iterator

from agent_service.domain.model.texts import storable
from common.contracts import MessageReceived
from common.contracts.whatsapp import ContactCard, Location, Referral, ReplyTo

_LONGEST = 300
"""Characters of each thing."""


def attached_to(event: MessageReceived) -> str:
    """Tell what came with a message, a line for each thing; all of it is somebody else's data."""
    return "\n".join(_one_line(told) for told in _things(event))


def speaker_of(event: MessageReceived) -> str:
    """Name who wrote in a group; empty where only one person can have written."""
    if event.group is None or event.from_me:
        return ""
    return _one_line(event.sender.name or event.sender.phone or "somebody")[:60]


def _things(event: MessageReceived) -> Iterator[str]:
    if event.location is not None:
        yield _place(event.location)
    for card in event.contacts:
        yield _card(card)
    if event.choice_id is not None:
        yield f"Chosen: {event.choice_id}"
    if event.options:
        yield f"Options: {'; '.join(event.options)}"
    if event.reply_to is not None:
        yield _quotation(event.reply_to)
    if event.referral is not None:
        yield _advertisement(event.referral)


def _place(place: Location) -> str:
    names = ", ".join(name for name in (place.name, place.address) if name)
    return f"Place: {names} ({place.latitude}, {place.longitude})"


def _card(card: ContactCard) -> str:
    return f"Contact: {', '.join((card.name or 'without a name', *card.phones))}"


def _quotation(quoted: ReplyTo) -> str:
    return f"In reply to: {quoted.text}" if quoted.text else "In reply to an earlier message"


def _advertisement(ad: Referral) -> str:
    parts = (ad.title, ad.body, ad.source_url)
    return f"Came from an advertisement: {' | '.join(part for part in parts if part)}"


def _one_line(text: str) -> str:
    line = " ".join(storable(text).split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}\u2026"
