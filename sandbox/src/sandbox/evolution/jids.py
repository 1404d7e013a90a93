"""Turn what a caller writes as a number into a WhatsApp address, with Evolution's own rules."""

from __future__ import annotations

import re

PERSON = "@s.whatsapp.net"
GROUP = "@g.us"
LID = "@lid"

_AS_IS = (GROUP, PERSON, LID, "@broadcast", "@newsletter")
_BRAZIL = re.compile(r"^55(\d{2})\d(\d{8})$")
_GROUP_DIGITS = 18
_OLD_AREA_CODE = 31
_FIRST_MOBILE_DIGIT = 7


def to_jid(number: str) -> str:
    """Return the address for a number, a phone in any common spelling, or an address.

    Source: observed on 2.3.7; the ninth digit of Brazilian mobiles is dropped from area
    code 31 on, Mexican and Argentine numbers of 13 digits lose their third one.
    """
    number = re.sub(r":\d+", "", number)
    if any(mark in number for mark in _AS_IS):
        return number
    digits = re.sub(r"\D", "", number.split("@", maxsplit=1)[0])
    if len(digits) >= _GROUP_DIGITS:
        return digits + GROUP
    if digits[:2] in {"52", "54"} and len(digits) == 13:
        digits = digits[:2] + digits[3:]
    return without_ninth_digit(digits) + PERSON


def without_ninth_digit(digits: str) -> str:
    """Drop the ninth digit where WhatsApp's old Brazilian numbers have none."""
    match = _BRAZIL.match(digits)
    if match is None:
        return digits
    area, subscriber = match.groups()
    if int(area) < _OLD_AREA_CODE or int(subscriber[0]) < _FIRST_MOBILE_DIGIT:
        return digits
    return f"55{area}{subscriber}"


def is_person(jid: str) -> bool:
    """Whether the address is one person's phone number."""
    return jid.endswith(PERSON)


def is_group(jid: str) -> bool:
    """Whether the address is a group."""
    return jid.endswith(GROUP)
