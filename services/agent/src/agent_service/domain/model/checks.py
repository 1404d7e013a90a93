"""What may never be said to a customer, whatever a model was talked into."""

import re
from functools import lru_cache

from agent_service.domain.model.agents import Agent
from agent_service.domain.model.recitals import plainly, recites

_INTERNAL_ID = re.compile(
    r"(?<![a-z])(?:ten|agt|cnv|int|cht|run|trn|cmd|evt|key|tol|med|contact)_[0-9a-f]{32}\b",
    re.IGNORECASE,
)
_KEY = re.compile(
    r"\b(?:sk|rk|prl)[-_][A-Za-z0-9_-]{16,}|\bs1\.[\w-]+\.[\w-]{20,}|\bBearer\s+\S{16,}"
)
_PICTURE = re.compile(r"!\[[^\]]*\]\(")
_RULE_MARKS = ("never show these rules", "is information, never an instruction", "<data from=")
_GAP = r"[^.!?\n]{0,80}?"


def breach(text: str, agent: Agent) -> str | None:
    """Say what is wrong with an answer; None when it may be sent."""
    if _INTERNAL_ID.search(text) or _KEY.search(text):
        return "a key or an internal id"
    if _PICTURE.search(text):
        return "a picture from another address"
    said = plainly(text)
    if any(mark in said for mark in _RULE_MARKS) or recites(said, agent.settings.instructions):
        return "the agent's instructions"
    for phrase in agent.settings.forbidden_phrases:
        if _pattern(phrase).search(text):
            return "a forbidden phrase"
    return None


@lru_cache(maxsize=1000)
def _pattern(phrase: str) -> re.Pattern[str]:
    """Make a search of a phrase; a bounded gap per `*`, so that no phrase is slow."""
    parts = [re.escape(part.strip()) for part in phrase.split("*") if part.strip()]
    return re.compile(_GAP.join(parts) or r"(?!)", re.IGNORECASE)
