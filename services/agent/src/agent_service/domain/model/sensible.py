"""Settings that would do nothing, or never what was meant."""

from dataclasses import replace

from agent_service.domain.model.agents import AgentSettings
from agent_service.domain.model.ignored import read_ignored
from agent_service.domain.model.phrases import plain
from common.contracts import OPT_OUT_WORDS


def sensible(settings: AgentSettings) -> AgentSettings:
    """Give settings as they are meant.

    Raises:
        ValueError: one of them can never do anything; names it.
    """
    keyword = settings.finish_keyword
    if keyword.strip() and not plain(keyword):
        raise ValueError("finish_keyword: needs letters or digits; others are not compared")
    _require_no_opt_out("finish_keyword", keyword)
    for phrase in settings.hand_off_words:
        if not plain(phrase.replace("*", " ")):
            raise ValueError(f"hand_off_words: {phrase!r} has neither letters nor digits")
        _require_no_opt_out("hand_off_words", phrase)
    for phrase in settings.forbidden_phrases:
        if not phrase.replace("*", " ").strip():
            raise ValueError(f"forbidden_phrases: {phrase!r} forbids nothing")
    if settings.deadline_seconds < settings.quiet_seconds:
        raise ValueError(
            f"deadline_seconds: {settings.deadline_seconds:g} is over before the customer has "
            f"been quiet for {settings.quiet_seconds:g} (quiet_seconds)"
        )
    ignored = tuple(dict.fromkeys(map(_contact, settings.ignored_contacts)))
    return replace(settings, ignored_contacts=ignored)


def _require_no_opt_out(name: str, word: str) -> None:
    """Refuse a word after which the sender sends a customer nothing more, our answer included."""
    if plain(word) in OPT_OUT_WORDS and not word.lstrip().startswith("#") and "*" not in word:
        raise ValueError(
            f"{name}: {word!r} is how customers opt out of every message; write "
            f"'#{plain(word)}' or another word"
        )


def _contact(entry: str) -> str:
    try:
        return read_ignored(entry)
    except ValueError as refused:
        raise ValueError(f"ignored_contacts: {refused}") from None
