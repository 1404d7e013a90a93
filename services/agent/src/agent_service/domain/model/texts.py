"""What is said, cut into messages, and how long a person would type it."""

import re
from datetime import timedelta

_LONGEST_TYPING = timedelta(seconds=20)
_LONGEST_MESSAGE = 4096
_SENTENCE_END = re.compile(r"[.!?…](?=[\s\"')\]]|$)|[\u3002\uff01\uff1f\n]")
"""Chinese and Japanese put no space after theirs."""


def bubbles(text: str, *, split: bool) -> list[str]:
    """Cut an answer into messages: at blank lines if wanted, and at WhatsApp's limit always."""
    parts = text.split("\n\n") if split else [text]
    cut: list[str] = []
    for part in (p.strip() for p in parts):
        rest = part
        while len(rest) > _LONGEST_MESSAGE:
            at = rest.rfind(" ", 0, _LONGEST_MESSAGE)
            at = at if at > 0 else _LONGEST_MESSAGE
            cut.append(rest[:at])
            rest = rest[at:].lstrip()
        if rest:
            cut.append(rest)
    return cut


def typing_ms(text: str, per_char: int) -> int:
    """How long a person would type this, in milliseconds, within reason."""
    return min(len(text) * per_char, int(_LONGEST_TYPING.total_seconds() * 1000))


def whole_sentences(text: str) -> str:
    """Give a text that broke off as far as its last whole sentence; empty when it has none."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return text[: ends[-1]].strip() if ends else ""


def storable(text: str) -> str:
    """Drop what neither Postgres nor WhatsApp can hold: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "").encode(errors="ignore").decode()


def shortened(text: str, longest: int) -> str:
    """Cut a text that is too long, and say that it was cut."""
    return text if len(text) <= longest else f"{text[:longest]}… [cut, {len(text)} characters]"
