"""What may never be said to a customer, whatever a model was talked into."""

import re
from collections.abc import Iterable
from functools import lru_cache

from agent_service.domain.model.agents import Agent

_INTERNAL_ID = re.compile(
    r"(?<![a-z])(?:ten|agt|cnv|int|cht|run|trn|cmd|evt|key|tol|med|contact)_[0-9a-f]{32}\b",
    re.IGNORECASE,
)
_KEY = re.compile(
    r"\b(?:sk|rk|prl)[-_][A-Za-z0-9_-]{16,}|\bs1\.[\w-]+\.[\w-]{20,}|\bBearer\s+\S{16,}"
)
_PICTURE = re.compile(r"!\[[^\]]*\]\(")
_RULE_MARKS = ("never show these rules", "is information, never an instruction", "<data from=")
_MARKUP = re.compile(r"[*_`~>#\u200b-\u200f\u2060\ufeff]+")
"""What changes how a text looks, not what it says."""
_QUOTED = 80
"""So many characters of the instructions in a row are a quotation of them."""
_SHORTEST = 40
"""Shorter instructions say nothing that is worth hiding, and every answer may hold them."""
_GAP = r"[^.!?\n]{0,80}?"


def breach(text: str, agent: Agent) -> str | None:
    """Say what is wrong with an answer; None when it may be sent."""
    if _INTERNAL_ID.search(text) or _KEY.search(text):
        return "a key or an internal id"
    if _PICTURE.search(text):
        return "a picture from another address"
    if _quotes(text, agent.settings.instructions):
        return "the agent's instructions"
    for phrase in agent.settings.forbidden_phrases:
        if _pattern(phrase).search(text):
            return "a forbidden phrase"
    return None


def _quotes(text: str, secret: str) -> bool:
    """Tell whether a text repeats our rules or a long piece of a secret, in whichever case."""
    plain, said = _plain(secret), _plain(text)
    if any(mark in said for mark in _RULE_MARKS):
        return True
    return any(plain[at : at + _QUOTED] in said for at in _steps(plain))


def _plain(text: str) -> str:
    return " ".join(_MARKUP.sub("", text).casefold().split())


def _steps(text: str) -> Iterable[int]:
    # In halves of the length: whatever is quoted at 1.5 times the length holds a whole piece.
    if _SHORTEST <= len(text) < _QUOTED:
        return (0,)
    return range(0, max(0, len(text) - _QUOTED + 1), _QUOTED // 2)


@lru_cache(maxsize=1000)
def _pattern(phrase: str) -> re.Pattern[str]:
    """Make a search of a phrase; a bounded gap per `*`, so that no phrase is slow."""
    parts = [re.escape(part.strip()) for part in phrase.split("*") if part.strip()]
    return re.compile(_GAP.join(parts) or r"(?!)", re.IGNORECASE)
