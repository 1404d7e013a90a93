"""Which messages wake an agent: all, those with a keyword, those that fit rules, or none."""

import re
from dataclasses import dataclass
from enum import StrEnum

from agent_service.domain.model.phrases import matches, plain


class TriggerKind(StrEnum):
    """How an agent is woken; the words are those of Evolution's bots."""

    ALL = "all"
    KEYWORD = "keyword"
    ADVANCED = "advanced"
    NONE = "none"
    """Nothing wakes it (at Evolution, `none` answers everything)."""


class TriggerOperator(StrEnum):
    """How a keyword is compared; always without case, accents and punctuation.

    As at Evolution it may be a part of a word: `contains` finds `price` in `prices`.
    """

    EQUALS = "equals"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    PATTERN = "pattern"
    """`*` stands for anything; in place of regular expressions."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """What wakes an agent in a conversation that it does not hold yet."""

    kind: TriggerKind = TriggerKind.ALL
    operator: TriggerOperator = TriggerOperator.CONTAINS
    value: str = ""

    def fires(self, text: str) -> bool:
        """Tell whether a message wakes the agent."""
        match self.kind:
            case TriggerKind.ALL:
                return True
            case TriggerKind.KEYWORD:
                return _compare(self.operator, self.value, plain(text))
            case TriggerKind.ADVANCED:
                return all(rule(plain(text)) for rule in _rules(self.value))
            case TriggerKind.NONE:
                return False


EVERYTHING = Trigger()
"""Wakes an agent whatever is said."""


def check_trigger(trigger: Trigger) -> None:
    """Refuse a trigger that could never be what was meant.

    Raises:
        ValueError: a keyword is missing, or a rule cannot be read; names it.
    """
    if trigger.kind is TriggerKind.KEYWORD and not plain(trigger.value.replace("*", "")):
        raise ValueError("a keyword trigger needs a value with letters or digits")
    if trigger.kind is TriggerKind.ADVANCED and not _rules(trigger.value):
        raise ValueError("an advanced trigger needs rules such as 'contains:price,quote'")


def _compare(operator: TriggerOperator, value: str, text: str) -> bool:
    if operator is TriggerOperator.PATTERN:
        return matches(value, text)
    word = plain(value)
    if not word:
        return False
    match operator:
        case TriggerOperator.EQUALS:
            return text == word
        case TriggerOperator.CONTAINS:
            return word in text
        case TriggerOperator.STARTS_WITH:
            return text.startswith(word)
        case TriggerOperator.ENDS_WITH:
            return text.endswith(word)


class _Rule:
    """One rule of an advanced trigger: any of its words, or none of them."""

    def __init__(self, name: str, words: list[str]) -> None:
        self._operator = _OPERATORS[name]
        self._words = words
        self._wanted = name != "notcontains"

    def __call__(self, text: str) -> bool:
        found = any(_compare(self._operator, word, text) for word in self._words)
        return found is self._wanted


_OPERATORS = {
    "contains": TriggerOperator.CONTAINS,
    "notcontains": TriggerOperator.CONTAINS,
    "startswith": TriggerOperator.STARTS_WITH,
    "endswith": TriggerOperator.ENDS_WITH,
    "exact": TriggerOperator.EQUALS,
}
_RULE = re.compile(rf"\b({'|'.join(sorted(_OPERATORS, key=len, reverse=True))}):", re.IGNORECASE)


def _rules(value: str) -> list[_Rule]:
    """Read `contains:price,quote notcontains:job startswith:hi`; the words may hold blanks."""
    pieces = _RULE.split(value)
    if pieces[0].strip():
        raise ValueError(f"{pieces[0].strip()[:40]!r} is no rule; rules look like 'contains:word'")
    rules = []
    for name, words in zip(pieces[1::2], pieces[2::2], strict=True):
        listed = [word for word in words.split(",") if plain(word)]
        if not listed:
            raise ValueError(f"the rule {name!r} names no word")
        rules.append(_Rule(name.lower(), listed))
    return rules
