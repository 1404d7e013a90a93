"""Who is meant: WhatsApp's addresses as phones, LIDs and groups."""

import re
from functools import lru_cache
from typing import Any, NamedTuple

from common.contracts import Sender
from whatsapp_service.domain.model import ChatAddress, Ignored, canonical_phone
from whatsapp_service.providers.evolution.translation.json_values import mapping, text

_PHONES = frozenset({"s.whatsapp.net", "c.us", "hosted"})
_LIDS = frozenset({"lid", "hosted.lid"})
_LONGEST_ADDRESS = 128
_SHORTEST_PHONE, _LONGEST_PHONE = 7, 15
"""Digits of E.164, with the country code."""
_SHORTEST_GROUP = 18
"""Evolution takes a bare number this long for a group."""
_PUNCTUATION = str.maketrans("", "", "+-(). \t\u00a0")
_BOT = "bot"
"""The server of what WhatsApp itself runs."""
_OWN_ACCOUNTS = re.compile(r"0|server|16505361212|1313555\d{4}|131655500\d{2}")
"""WhatsApp itself, its page for businesses, and Meta AI, where they have numbers as people have."""
OWNER_NAME = "Você"
"""What Evolution calls the owner of the number, in every language."""


class Jid(NamedTuple):
    """One address of WhatsApp, and what it tells."""

    address: str
    """To send to: without the device (`:12`) that a phone's linked computers add."""
    phone: str | None = None
    """E.164, a Brazilian mobile always with its ninth digit."""
    lid: str | None = None
    group: str | None = None

    @property
    def person(self) -> str | None:
        """The phone, else the digits of the LID; None for what is no person."""
        return self.phone or self.lid


def read_jid(value: Any) -> Jid | None:
    """Read an address, also one that a caller of the EVOLUTION channel made up."""
    if not isinstance(value, str) or not value or len(value) > _LONGEST_ADDRESS:
        return None
    return _read_jid(value)


@lru_cache(maxsize=8192)
def _read_jid(value: str) -> Jid | None:
    # The same people write again and again: remembering them saves a tenth of a translation.
    written = text(value)
    if written is None:
        return None
    user, at, server = written.strip().partition("@")
    if not at:
        return _bare(user) if user else None
    server = server.lower()
    if server in _PHONES:
        return _phone(user, "s.whatsapp.net" if server == "c.us" else server)
    if server in _LIDS:
        digits = _without_device(user)
        return Jid(f"{digits}@{server}", lid=digits) if _is_number(digits) else None
    if server == "g.us":
        return Jid(f"{user}@g.us", group=f"{user}@g.us") if user else None
    return Jid(f"{user}@{server}") if user or server else None


def _phone(user: str, server: str) -> Jid | None:
    digits = _without_device(user)
    if not _is_number(digits):
        digits = digits.translate(_PUNCTUATION)
    if _OWN_ACCOUNTS.fullmatch(digits):
        return Jid(f"{digits}@{_BOT}")
    return Jid(f"{digits}@{server}", phone=_e164(digits)) if digits else None


def _bare(written: str) -> Jid | None:
    """Read an address without a server, by the rules Evolution itself sends by."""
    digits = written.translate(_PUNCTUATION)
    if _is_number(digits) and len(digits) >= _SHORTEST_GROUP:
        group = f"{digits}@g.us"
        return Jid(group, group=group)
    return Jid(written, phone=_e164(digits))


def _without_device(user: str) -> str:
    return user.partition(":")[0].partition("_")[0] if ":" in user or "_" in user else user


def _is_number(digits: str) -> bool:
    return digits.isascii() and digits.isdigit()


def _e164(digits: str) -> str | None:
    if not _is_number(digits) or digits[0] == "0":
        return None
    if not _SHORTEST_PHONE <= len(digits) <= _LONGEST_PHONE:
        return None
    return canonical_phone(f"+{digits}")


def phone_number(value: Any) -> str | None:
    """Read a phone written in any way that has its country code; E.164 or None."""
    found = read_jid(value)
    return None if found is None else found.phone


def name_of(value: Any) -> str | None:
    """Read a person's name; None for what Evolution puts there when it knows none."""
    found = text(value)
    return None if found is None else _name(found)


@lru_cache(maxsize=8192)
def _name(found: str) -> str | None:
    found = found.strip()
    if not found or found == OWNER_NAME or found.endswith(("@s.whatsapp.net", "@lid", "@g.us")):
        return None
    digits = found.translate(_PUNCTUATION)
    return None if len(digits) >= _SHORTEST_PHONE and _is_number(digits) else found


class Key(NamedTuple):
    """The addresses around one message."""

    remote: Jid | None
    twins: tuple[Jid, ...]
    """Other names of the person that the chat is with."""
    writers: tuple[Jid, ...]
    """Names of who wrote, in a group or through a broadcast list."""


_TWINS = ("remoteJidAlt", "previousRemoteJid")
_WRITERS = (
    "participant",
    "participantAlt",
    "participantPn",
    "participantLid",
    "senderPn",
    "senderLid",
)


def read_key(key: dict[str, Any], *, from_me: bool) -> Key:
    """Collect the addresses, by the names that the versions of Evolution gave them.

    2.3.6 and 2.4 give the other form as `remoteJidAlt`/`participantAlt`; 2.2 and v1 as
    `senderPn`; early 2.3 rewrote `remoteJid` and left the LID in `previousRemoteJid`; 2.3.7
    rewrites it and loses the LID. What is about the sender says nothing about the chat of a
    message that the owner wrote.
    """
    remote = read_jid(key.get("remoteJid"))
    writers = _read(key, _WRITERS)
    if remote is not None and remote.group is not None:
        return Key(remote, (), writers)
    return Key(remote, _read(key, _TWINS) + (() if from_me else writers), writers)


def _read(key: dict[str, Any], names: tuple[str, ...]) -> tuple[Jid, ...]:
    found = []
    for name in names:
        if value := key.get(name):
            jid = read_jid(value)
            if jid is not None:
                found.append(jid)
    return tuple(found)


def chat_of(key: Key, name: str | None = None) -> ChatAddress | Ignored:
    """Say which chat it is, or why it is none of ours."""
    remote = key.remote or (key.twins[0] if key.twins else None)
    if remote is None:
        return Ignored("it names no chat: there is no usable remoteJid")
    if remote.group is not None:
        return ChatAddress(remote.address, group=remote.group)
    if remote.phone is None and remote.lid is None:
        return _elsewhere(remote, key, name)
    return _person_chat((remote, *key.twins), name)


def _elsewhere(remote: Jid, key: Key, name: str | None) -> ChatAddress | Ignored:
    """Tell apart what is neither a phone, nor a LID, nor a group."""
    _, _, server = remote.address.partition("@")
    if remote.address == "status@broadcast":
        return Ignored("status stories are not conversations")
    if server == _BOT:
        return Ignored("WhatsApp itself and Meta AI are no customers")
    if server == "newsletter":
        return Ignored("WhatsApp channels (newsletters) are not conversations")
    if server == "broadcast":
        if not (key.twins and any(jid.person for jid in key.writers)):
            return Ignored("a broadcast list is not a conversation")
        # Somebody wrote to us through a list of theirs: for us it is their chat.
        return _person_chat(key.writers, name)
    return _person_chat((remote, *key.twins), name)


def _person_chat(jids: tuple[Jid, ...], name: str | None) -> ChatAddress:
    phone, lid = _known_by(jids)
    return ChatAddress(jids[0].address, phone, lid, None, name)


def _known_by(jids: tuple[Jid, ...]) -> tuple[str | None, str | None]:
    """Give the phone and the LID, each by the first address that has it."""
    phone = lid = None
    for jid in jids:
        phone, lid = phone or jid.phone, lid or jid.lid
    return phone, lid


def sender_of(key: Key, chat: ChatAddress, name: str | None) -> Sender:
    """Say who wrote to us."""
    phone, lid = (chat.phone, chat.lid) if chat.group is None else _known_by(key.writers)
    return _sender(phone, lid, name)


@lru_cache(maxsize=8192)
def _sender(phone: str | None, lid: str | None, name: str | None) -> Sender:
    return Sender(phone=phone, lid=lid, name=name)


def participant_of(key: Key) -> str | None:
    """Say how a group spells who wrote: by LID or by phone, and by no other name for them.

    The first of the names is `participant`, which is WhatsApp's own; the others say who that is.
    """
    return next((jid.address for jid in key.writers if jid.person), None)


def owner_of(key: Key, chat: ChatAddress, owner: Any) -> Sender:
    """Say who the owner of the number is, when he wrote himself; he goes by no name.

    `owner` is the body's `sender`: the number itself, never the customer. It is missing on the
    EVOLUTION channel, and until the first connection after Evolution started.
    """
    number = read_jid(owner)
    names = key.writers if chat.group is not None else ()
    phone, lid = _known_by(names if number is None else (*names, number))
    return Sender(phone=phone, lid=lid)


def data_key(data: dict[str, Any]) -> dict[str, Any]:
    """Give the key of a message, completed by what older versions put beside it."""
    key = mapping(data.get("key"))
    for name in ("participant", "senderPn", "senderLid"):
        if data.get(name) and not key.get(name):
            key = {**key, name: data[name]}
    return key
