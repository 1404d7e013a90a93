"""Which contacts and groups are none of an agent's business."""

import re
from collections.abc import Collection

from agent_service.domain.model.agents import AgentSettings

EVERY_GROUP, EVERY_PERSON = "@g.us", "@s.whatsapp.net"
"""As at Evolution: whole kinds of chats."""
_FORM = re.compile(r"(?P<plus>\+?)(?P<name>[\d\s().-]+)(?P<server>@[a-z.]+)?", re.ASCII)
_PUNCTUATION = re.compile(r"[\s().-]+")
_NOT_IN_A_GROUP = re.compile(r"[\s().]+")
_PHONES = frozenset({"@s.whatsapp.net", "@c.us"})
_LIDS = frozenset({"@lid", "@hosted.lid"})
_SHORTEST_PHONE, _LONGEST_PHONE, _LONGEST_BARE_PHONE = 7, 15, 13
_LONGEST_LID = 17
"""Digits; without a plus or a server, their number tells what they are."""
_BRAZILIAN_MOBILE = re.compile(r"(55\d\d)([6-9]\d{7})")


def is_ignored(settings: AgentSettings, names: Collection[str]) -> bool:
    """Tell whether a chat, or who writes in it, is to be ignored; names as `read_ignored` gives."""
    in_group = any(name.endswith(EVERY_GROUP) for name in names)
    if in_group and not settings.answer_groups:
        return True
    kind = EVERY_GROUP if in_group else EVERY_PERSON
    return not {*names, kind}.isdisjoint(settings.ignored_contacts)


def read_ignored(written: str) -> str:
    """Give an entry in the one form in which contacts are compared.

    A phone is E.164, a LID its digits, a group its address.

    Raises:
        ValueError: it can never match anybody.
    """
    entry = written.strip().lower()
    if entry in {EVERY_GROUP, EVERY_PERSON}:
        return entry
    match = _FORM.fullmatch(entry)
    found = _name(match["plus"], match["name"], match["server"] or "") if match else ""
    if not found:
        raise ValueError(
            f"{written[:60]!r} is no contact; write a phone with its country code "
            "(+5511988887777), a LID (123456789012345@lid) or a group (120363000000000000@g.us)"
        )
    return found


def _name(plus: str, name: str, server: str) -> str:
    """Give the name that an entry means; empty when it means nobody."""
    digits = _PUNCTUATION.sub("", name)
    if server == EVERY_GROUP:
        return f"{_NOT_IN_A_GROUP.sub('', name)}{EVERY_GROUP}" if digits else ""
    if server in _PHONES or plus or (not server and len(digits) <= _LONGEST_BARE_PHONE):
        return _phone(digits)
    if server in _LIDS or (not server and len(digits) <= _LONGEST_LID):
        return digits
    return f"{digits}{EVERY_GROUP}" if not server else ""


def _phone(digits: str) -> str:
    """Give E.164; empty for what is no phone."""
    if not _SHORTEST_PHONE <= len(digits) <= _LONGEST_PHONE or digits.startswith("0"):
        return ""
    # WhatsApp knows some without their ninth digit; we hear of them with it, always.
    mobile = _BRAZILIAN_MOBILE.fullmatch(digits)
    return f"+{mobile[1]}9{mobile[2]}" if mobile else f"+{digits}"
