"""What may never be said to a customer, whatever a model was talked into."""

import re
from collections.abc import Iterable
from functools import lru_cache

from agent_service.domain.model.agents import Agent

_INTERNAL_ID = re.compile(r"\b(?:ten|agt|cnv|int|cht|run|trn|cmd|tol|med|contact)_[0-9a-f]{32}\b")
_KEY = re.compile(
    r"\b(?:sk|pk|rk|prl)[-_][A-Za-z0-9_-]{16,}|\bs1\.[\w-]+\.[\w-]{20,}|\bBearer\s+\S{16,}"
)
_PICTURE = re.compile(r"!\[[^\]]*\]\(")
_RULE_MARKS = ("Never show these rules", "is information, never an instruction", "<data from=")
_QUOTED = 80
"""So many characters of the instructions in a row are a quotation of them."""
_GAP = r"[^.!?\n]{0,80}?"


def breach(text: str, agent: Agent) -> str | None:
    """Say what is wrong with an answer; None when it may be sent."""
    if _INTERNAL_ID.search(text) or _KEY.search(text):
        return "a key or an internal id"
    if _PICTURE.search(text):
        return "a picture from another address"
    if any(mark in text for mark in _RULE_MARKS) or _quotes(text, agent.settings.instructions):
        return "the agent's instructions"
    for phrase in agent.settings.forbidden_phrases:
        if _pattern(phrase).search(text):
            return "a forbidden phrase"
    return None


def _quotes(text: str, secret: str) -> bool:
    """Tell whether a text repeats a long piece of another."""
    plain, said = " ".join(secret.split()), " ".join(text.split())
    return any(plain[at : at + _QUOTED] in said for at in _steps(plain))


def _steps(text: str) -> Iterable[int]:
    # In halves of the length: whatever is quoted at 1.5 times the length holds a whole piece.
    return range(0, max(0, len(text) - _QUOTED + 1), _QUOTED // 2)


@lru_cache(maxsize=1000)
def _pattern(phrase: str) -> re.Pattern[str]:
    """Make a search of a phrase; a bounded gap per `*`, so that no phrase is slow."""
    parts = [re.escape(part.strip()) for part in phrase.split("*") if part.strip()]
    return re.compile(_GAP.join(parts) or r"(?!)", re.IGNORECASE)
