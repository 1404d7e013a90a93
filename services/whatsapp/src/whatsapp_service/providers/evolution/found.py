"""What Evolution says it sent, and whether it is what we asked it to send."""

from datetime import UTC, datetime
from math import isclose
from typing import Any

from common.contracts import (
    ContactsMessage,
    Content,
    LocationMessage,
    MediaMessage,
    MessageId,
    ReactionMessage,
)
from common.errors import Unavailable
from whatsapp_service.domain.model import SentMessage, canonical_phone
from whatsapp_service.domain.model.outgoing import is_told_as
from whatsapp_service.providers.evolution.translation.content import Content as Told
from whatsapp_service.providers.evolution.translation.json_values import moment
from whatsapp_service.providers.evolution.translation.messages import TELEPHONES
from whatsapp_service.providers.evolution.translation.reading import Reading, read_message

_DEGREES = 1e-4


def read_sent(body: Any) -> SentMessage | None:
    """Read which message an answer or a record names; None when it names none."""
    if not isinstance(body, dict) or not isinstance(body.get("key"), dict):
        return None
    key_id = body["key"].get("id")
    if not isinstance(key_id, str) or not key_id:
        return None
    now = datetime.now(UTC)
    at = moment(body.get("messageTimestamp"), now=now) or now
    return SentMessage(MessageId(key_id), str(body["key"].get("remoteJid") or ""), at)


def records(body: Any) -> list[Any]:
    """Read the found messages.

    Raises:
        Unavailable: it says nothing about what was found.
    """
    found = body.get("messages") if isinstance(body, dict) else None
    listed = found.get("records") if isinstance(found, dict) else None
    if not isinstance(listed, list):
        raise Unavailable("Evolution did not say what it has sent.")
    return listed


def is_record_of(record: dict[str, Any], content: Content) -> bool:
    """Whether a record of Evolution's can be the content that we asked it to send."""
    if record.get("source") in TELEPHONES:
        return False
    read = read_message(record, from_me=True)
    if not isinstance(read, Reading):
        return False
    told = read.content
    return is_told_as(content, told.kind, told.text) and _agrees(told, content)


def _agrees(told: Told, content: Content) -> bool:
    """Compare what only the whole record tells; what it does not tell agrees with everything."""
    match content:
        case MediaMessage(kind="document", file=file) if file.name and told.media:
            # It may have been given an ending on its way.
            return (told.media.file_name or file.name).startswith(file.name)
        case LocationMessage(location=place) if told.location:
            return isclose(told.location.latitude, place.latitude, abs_tol=_DEGREES) and isclose(
                told.location.longitude, place.longitude, abs_tol=_DEGREES
            )
        case ContactsMessage(contacts=cards) if told.contacts:
            return [card.name for card in told.contacts] == [
                card.name or card.phones[0] for card in cards
            ]
        case ReactionMessage(to=target) if told.target:
            return told.target.message_id == target
        case _:
            return True


def spellings(jid: str) -> list[str]:
    """Give a JID and, for a Brazilian mobile, its twin without or with the ninth digit.

    Evolution may file such a number under either, whichever we asked for.
    """
    user, _, server = jid.partition("@")
    full = canonical_phone(f"+{user}").removeprefix("+")
    short = f"{full[:4]}{full[5:]}" if full.startswith("55") and len(full) == 13 else full  # noqa: PLR2004 - 55, area, nine digits
    twins = [user, full, short]
    return [f"{twin}@{server}" if server else twin for twin in dict.fromkeys(twins)]
