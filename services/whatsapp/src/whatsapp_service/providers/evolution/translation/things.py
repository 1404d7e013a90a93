"""Messages that carry something: a file, a place, a contact."""

import re
from typing import Any

from common.contracts import ContactCard, Location, Media, MessageKind
from whatsapp_service.providers.evolution.translation.content import Content, Reader, unsupported
from whatsapp_service.providers.evolution.translation.json_values import (
    decimal,
    entries,
    first_text,
    flag,
    mapping,
    size,
    text,
)
from whatsapp_service.providers.evolution.translation.people import phone_number

_TRANSCRIPT_MARK = "[audio] "
"""Evolution puts it before what it heard; the kind says it already."""
_MOST_CONTACTS = 257
"""WhatsApp shares no more at once."""
_NORTH, _EAST = 90.0, 180.0
_TELEPHONE = re.compile(r"^(?:item\d+\.)?TEL([^:\r\n]*):([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_WAID = re.compile(r"waid=(\d{7,15})\b", re.IGNORECASE)


def _media(part: dict[str, Any]) -> Media:
    """Describe a file; the names on the right are the Cloud API channel's."""
    return Media(
        mimetype=first_text(part, "mimetype", "mime_type"),
        size=size(part.get("fileLength", part.get("file_size"))),
        file_name=first_text(part, "fileName", "filename"),
        seconds=size(part.get("seconds")),
    )


def _read_image(part: dict[str, Any], _: dict[str, Any]) -> Content:
    return Content(MessageKind.IMAGE, text(part.get("caption")) or "", media=_media(part))


def _read_video(part: dict[str, Any], _: dict[str, Any]) -> Content:
    return Content(MessageKind.VIDEO, text(part.get("caption")) or "", media=_media(part))


def _read_sticker(part: dict[str, Any], _: dict[str, Any]) -> Content:
    return Content(MessageKind.STICKER, media=_media(part))


def _read_audio(part: dict[str, Any], message: dict[str, Any]) -> Content:
    voice = flag(part.get("ptt")) or flag(part.get("voice"))
    heard = text(message.get("speechToText")) or ""
    return Content(
        MessageKind.VOICE if voice else MessageKind.AUDIO,
        heard.removeprefix(_TRANSCRIPT_MARK),
        media=_media(part),
    )


def _read_document(part: dict[str, Any], _: dict[str, Any]) -> Content:
    media = _media(part)
    if media.file_name is None and (title := text(part.get("title"))):
        media = media.model_copy(update={"file_name": title})
    return Content(MessageKind.DOCUMENT, text(part.get("caption")) or "", media=media)


def _read_location(part: dict[str, Any], _: dict[str, Any]) -> Content:
    live = flag(part.get("isLive"))
    return _place(part, MessageKind.LIVE_LOCATION if live else MessageKind.LOCATION)


def _read_live_location(part: dict[str, Any], _: dict[str, Any]) -> Content:
    return _place(part, MessageKind.LIVE_LOCATION)


def _place(part: dict[str, Any], kind: MessageKind) -> Content:
    words = first_text(part, "caption", "comment") or ""
    name, address = text(part.get("name")), text(part.get("address"))
    latitude, longitude = (
        decimal(part.get("degreesLatitude")),
        decimal(part.get("degreesLongitude")),
    )
    if latitude is None or longitude is None:
        return unsupported("the location has no coordinates", words or name or address or "")
    if abs(latitude) > _NORTH or abs(longitude) > _EAST:
        return unsupported("the location is not on this planet", words or name or address or "")
    place = Location(latitude=latitude, longitude=longitude, name=name, address=address)
    return Content(kind, words, location=place)


def _read_contact(part: dict[str, Any], _: dict[str, Any]) -> Content:
    return Content(MessageKind.CONTACT, contacts=(_card(part),))


def _read_contacts(part: dict[str, Any], _: dict[str, Any]) -> Content:
    cards = [_card(mapping(one)) for one in entries(part.get("contacts"))[:_MOST_CONTACTS]]
    return Content(MessageKind.CONTACT, contacts=tuple(cards))


def _card(part: dict[str, Any]) -> ContactCard:
    vcard = text(part.get("vcard"))
    return ContactCard(name=text(part.get("displayName")), phones=_phones(vcard or ""), vcard=vcard)


def _phones(vcard: str) -> tuple[str, ...]:
    """Read a card's phones: E.164 where WhatsApp or a plus sign gives the country, else as is."""
    found: dict[str, None] = {}
    for parameters, written in _TELEPHONE.findall(vcard):
        known = _WAID.search(parameters)
        international = known[1] if known else written.strip()
        phone = phone_number(international) if known or international.startswith("+") else None
        if phone or international:
            found[phone or international] = None
    return tuple(found)


THINGS: dict[str, Reader] = {
    "imageMessage": _read_image,
    "videoMessage": _read_video,
    "ptvMessage": _read_video,
    "audioMessage": _read_audio,
    "documentMessage": _read_document,
    "stickerMessage": _read_sticker,
    "locationMessage": _read_location,
    "liveLocationMessage": _read_live_location,
    "contactMessage": _read_contact,
    "contactsArrayMessage": _read_contacts,
}
MEDIA_TYPES = frozenset(
    {
        "imageMessage",
        "videoMessage",
        "ptvMessage",
        "audioMessage",
        "documentMessage",
        "stickerMessage",
    }
)
