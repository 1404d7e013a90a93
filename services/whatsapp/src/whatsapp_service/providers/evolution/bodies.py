"""The bodies of Evolution's send calls, one for each kind of message.

Facts: Evolution API 2.3.7, observed (https://github.com/evolution-foundation/evolution-api).
"""

import mimetypes
from base64 import b64encode
from typing import Any

from common.contracts import (
    ChoicesMessage,
    ContactCard,
    ContactsMessage,
    LocationMessage,
    MediaMessage,
    MessageId,
    ReactionMessage,
    Text,
)
from whatsapp_service.domain.model import Transport
from whatsapp_service.domain.model.media import OCTETS, plain_type
from whatsapp_service.domain.ports import LoadedFile, MessageRef, Parcel

Call = tuple[str, dict[str, Any]]


def call_for(parcel: Parcel) -> Call:
    """Give the route and the body that send a parcel; encodes whole files, so not on the loop."""
    content = parcel.content
    match content:
        case MediaMessage():
            route, body = _media_call(content, parcel.file)
        case ChoicesMessage(kind="buttons"):
            on_cloud = parcel.transport is Transport.CLOUD_API
            route, body = "sendButtons", _buttons(content, on_cloud=on_cloud)
        case ChoicesMessage():
            route, body = "sendList", _list(content)
        case ReactionMessage(emoji=emoji):
            # It goes where its target is.
            return "sendReaction", {"key": key_of(parcel.target), "reaction": emoji}
        case _:
            route, body = _plain_call(content)
    return route, {"number": parcel.jid, **body}


def _plain_call(content: Text | LocationMessage | ContactsMessage) -> Call:
    match content:
        case Text(text=words, reply_to=quoted):
            return "sendText", {"text": words, **_quoting(quoted)}
        case LocationMessage(location=place):
            where: dict[str, Any] = {"latitude": place.latitude, "longitude": place.longitude}
            return "sendLocation", {
                **where,
                "name": place.name or "",
                "address": place.address or "",
            }
        case ContactsMessage(contacts=cards):
            return "sendContact", {"contact": [_card(card) for card in cards]}


def _media_call(content: MediaMessage, file: LoadedFile | None) -> Call:
    quoting = _quoting(content.reply_to)
    if content.kind == "voice":
        return "sendWhatsAppAudio", {"audio": _media(file), "encoding": True, **quoting}
    return "sendMedia", {**_file(content, file), **quoting}


def key_of(target: MessageRef | None) -> dict[str, Any]:
    """Write the key of a message."""
    assert target is not None  # noqa: S101 - who reacts, edits or deletes has looked it up
    key: dict[str, Any] = {
        "remoteJid": target.remote_jid,
        "fromMe": target.from_me,
        "id": target.message_id,
    }
    # Without it Evolution sends a reaction in a group all the same, and no phone shows it.
    return key | ({"participant": target.participant} if target.participant else {})


def _quoting(quoted: MessageId | None) -> dict[str, Any]:
    # Evolution looks the quoted message up itself, with who wrote it in a group: it reads nothing
    # else of the key, and ignores an id that it does not know.
    return {"quoted": {"key": {"id": quoted}}} if quoted else {}


def _media(file: LoadedFile | None) -> str:
    assert file is not None  # noqa: S101 - it was opened before the call was noted
    if file.content is None:
        return file.url or ""
    # Bare: a `data:` address is refused.
    return b64encode(file.content).decode()


def _file(content: MediaMessage, file: LoadedFile | None) -> dict[str, Any]:
    body = {"mediatype": content.kind, "media": _media(file)}
    if file is not None:
        # Without the name Evolution refuses documents in base64.
        name = _with_ending(file.name, file.mimetype)
        body |= {"mimetype": file.mimetype, "fileName": name}
    if content.caption:
        body["caption"] = content.caption
    return body


def _with_ending(name: str, mimetype: str) -> str:
    """Give a name by which Evolution knows the type: it looks at nothing else once there is one."""
    known = mimetypes.guess_type(name)[0] is not None or plain_type(mimetype) == OCTETS
    return name if known else name + (mimetypes.guess_extension(plain_type(mimetype)) or "")


def _card(card: ContactCard) -> dict[str, str]:
    phone = card.phones[0]
    digits = "".join(sign for sign in phone if sign.isdigit())
    return {"fullName": card.name or phone, "wuid": digits, "phoneNumber": phone}


def _buttons(content: ChoicesMessage, *, on_cloud: bool) -> dict[str, Any]:
    buttons = [
        {"type": "reply", "displayText": choice.title, "id": choice.id}
        for choice in content.choices
    ]
    title, words = (content.title, content.text) if content.title else (content.text, "")
    if on_cloud and words:
        # The Cloud API channel sends nothing but the title.
        title, words = f"*{title}*\n\n{words}", ""
    return {"title": title, "description": words, "footer": content.footer, "buttons": buttons}


def _list(content: ChoicesMessage) -> dict[str, Any]:
    # A description that is there and empty is refused.
    rows = [
        {"title": choice.title, "rowId": choice.id}
        | ({"description": choice.description} if choice.description else {})
        for choice in content.choices
    ]
    return {
        "title": content.title,
        "description": content.text,
        "buttonText": content.button or "☰",
        "footerText": content.footer,
        "sections": [{"title": content.title or content.button, "rows": rows}],
    }
