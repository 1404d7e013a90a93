"""Whether a customer asks for a person, in the languages our customers write."""

import re

from agent_service.domain.model.people_words import ALONE, LANGUAGES, POLITE, Language
from agent_service.domain.model.phrases import matches, plain

_CLAUSES = re.compile(
    r"[.!?\u2026;:,()\n]+|\b(?:but|just|only|mas|s\u00f3|pero|s\u00f3lo|mais|aber|sondern|ma)\b",
    re.IGNORECASE,
)
"""A no in one of them says nothing about the next."""
_LONGEST = 2_000


def _alone(what: str) -> re.Pattern[str]:
    """Match what is all that was written, but for politeness around it."""
    return re.compile(rf"(?:(?:{POLITE}) )*(?:{what})(?: (?:{POLITE}))*")


_ALONE = _alone("|".join(map(re.escape, sorted(ALONE))))
_ANYBODY = re.compile(
    "|".join(rf"\b(?:{one.people}|{one.machines})\b" for one in LANGUAGES)
    + r"|\batendimento\b|\batencion\b"
)
"""Most messages name nobody, and need no second look."""


class _Ear:
    """Hears wishes for a person in one language."""

    def __init__(self, language: Language) -> None:
        person = rf"(?:(?:{language.before}) ){{0,4}}(?:{language.people})\b"
        machine = rf"(?:\w+ )?(?:{language.machines})\b"
        asking = "|".join(language.asking).replace("WHO", person)
        self._asking = re.compile(rf"\b(?:{asking})")
        self._alone = _alone(rf"(?:{language.wanting}) {person}")
        self._about_machines = re.compile(rf"\b{language.asking[0].replace('WHO', machine)}")
        self._refusing = re.compile(rf"\b(?:{language.refusing})(?: \w+){{0,2}} $")

    def hears(self, clause: str) -> bool:
        """Tell whether a clause asks; who does not want a machine wants a person."""
        if self._alone.fullmatch(clause):
            return True
        if any(not self._refused(clause, found) for found in self._asking.finditer(clause)):
            return True
        machines = self._about_machines.finditer(clause)
        return any(self._refused(clause, found) for found in machines)

    def _refused(self, clause: str, found: re.Match[str]) -> bool:
        return self._refusing.search(clause[: found.start()]) is not None


_EARS = tuple(map(_Ear, LANGUAGES))


def asks_for_person(text: str, own_words: tuple[str, ...] = ()) -> bool:
    """Tell whether a message asks for a person, in our words or in the business's own.

    An own word is a whole message, or a pattern with `*`.
    """
    said = plain(text)
    if any(matches(word, said) for word in own_words):
        return True
    if not _ANYBODY.search(said):
        return False
    if _ALONE.fullmatch(said):
        return True
    clauses = (plain(part) for part in _CLAUSES.split(text[:_LONGEST]))
    return any(ear.hears(clause) for clause in clauses if clause for ear in _EARS)
