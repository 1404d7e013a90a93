"""Tell whether a text recites an agent's instructions, or quotes a fact out of them.

Instructions hold two things: what the agent is told to do, which is nobody's business, and facts
such as an address or a return policy, which are there to be told. An order is known by its
beginning; facts are only too many at once.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

_MARKUP = re.compile(r"[*_`~>#\u200b-\u200f\u2060\ufeff]+")
"""What changes how a text looks, not what it says."""
_PIECE = 40
"""So many characters in a row are no accident."""
_HEAD = 60
"""So much of an order is looked for."""
_ORDERED = 80
"""So many characters of orders, all in all, are a recital."""
_SHORT_ORDER = 30
"""Where little is ordered, half of it is; but less than this says nothing worth hiding."""
_SHARE = 0.6
_FACTS = 300
"""Instructions that order nothing, as far as we can read, may be told whole when shorter."""
_MUCH = 800
"""Nobody is told so much of anything word by word."""

_BEGINS = (
    # To whom it speaks: the assistant. What it tells a customer begins otherwise ("you can …").
    r"you (?!can|may|will|could|might|get|have|need|pay|receive|find)\w+",
    r"your (?:role|task|job|name)\b",
    r"(?:never|always|do not|don't|under no circumstances)\b",
    r"(?:act|answer|reply|respond|speak|talk|tell|say|refuse|ignore|avoid|pretend|greet|offer) ",
    r"(?:voc[eê]|tu) (?:é|és|e|vende|atende|deve|deves)\b|(?:seu|sua) (?:papel|tarefa|nome)\b",
    r"(?:nunca|sempre|jamais|responda|fale|diga|ofereça|aja|seja|recuse|ignore|evite)\b",
    r"n[aã]o (?:diga|fale|revele|ofereça|mencione|conte|responda)\b",
    r"(?:eres|usted es|debes|siempre|responde|habla|ofrece|actúa|rechaza|ignora|evita)\b",
    r"no (?:digas|reveles|ofrezcas|menciones|respondas)\b|tu (?:tarea|papel|nombre)\b",
    r"(?:tu es|vous êtes|toujours|réponds|répondez|parle|parlez|sois|soyez|évite|évitez)\b",
    r"ne (?:dis|dites|révèle|révélez|mentionne|mentionnez|propose|proposez)\b",
    r"(?:du bist|sie sind|niemals|antworte|sprich|sag|sage|biete|verrate|verweigere|ignoriere)\b",
    r"(?:sei un|sei una|sei il|sei la|rispondi|parla|offri|rifiuta|evita|non (?:dire|rivelare))\b",
)
_WITHIN = (
    # Nobody calls a customer so to their face.
    r"if (?:the|a) (?:customer|client|user)|if (?:they|someone|anyone|anybody) asks?|if asked",
    r"(?:se|quando) (?:o|a|um|uma) (?:cliente|usuári[oa])|se (?:perguntarem|perguntado)",
    r"(?:si|cuando) (?:el|la|un|una) (?:cliente|usuari[oa])|si (?:te )?preguntan",
    r"(?:si|quand) (?:le|la|un|une) (?:client|cliente|utilisateur)",
    r"(?:wenn|falls) (?:der|die|ein|eine) (?:kunde|kundin|nutzer)",
    r"(?:se|quando) (?:il|la|un|una) (?:cliente|utente)",
)
_ORDER = re.compile(rf"(?:^|(?<=[.!?;:\n-]) ?)(?:{'|'.join(_BEGINS)})|\b(?:{'|'.join(_WITHIN)})\b")

_END = re.compile(r"[.!?](?=\s|$)|\n")


def recites(said: str, instructions: str) -> bool:
    """Tell whether a text (written `plainly`) gives away what an agent was told."""
    plain, orders = _read(instructions)
    if len(plain) < _PIECE:
        return False  # too little to be worth hiding, and every answer may hold it
    ordered = sum(len(head) for head in orders if head in said)
    if ordered >= _ORDERED or (
        ordered >= _SHORT_ORDER and ordered * 2 >= sum(len(head) for head in orders)
    ):
        return True
    quoted = sum(_PIECE // 2 for piece in _pieces(plain) if piece in said)
    is_most = quoted >= _SHARE * (len(plain) - _PIECE // 2)
    return quoted >= _MUCH or (is_most and (bool(orders) or len(plain) >= _FACTS))


def plainly(text: str) -> str:
    """Write a text as it is compared: without markup, case and line breaks."""
    return " ".join(_MARKUP.sub("", text).casefold().split())


@lru_cache(maxsize=1000)
def _read(instructions: str) -> tuple[str, tuple[str, ...]]:
    """Give them plainly, and the beginnings of what is ordered, none within another."""
    lines = (" ".join(line.split()) for line in _MARKUP.sub("", instructions).splitlines())
    text = "\n".join(lines).casefold()
    found: list[str] = []
    upto = 0
    for match in _ORDER.finditer(text):
        if match.start() >= upto:
            end = _END.search(text, match.end(), match.start() + _HEAD)
            upto = end.start() if end else match.start() + _HEAD
            found.append(plainly(text[match.start() : upto]))
    return plainly(instructions), tuple(found)


def _pieces(plain: str) -> Iterator[str]:
    """Cut in halves of the length: what is quoted at 1.5 times of it holds a whole piece."""
    for at in range(0, len(plain) - _PIECE + 1, _PIECE // 2):
        yield plain[at : at + _PIECE]
