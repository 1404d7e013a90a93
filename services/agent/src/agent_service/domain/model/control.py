"""What becomes of a turn before any model is asked: who answers it, and whether at all."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from agent_service.domain.model.agents import AgentSettings
from agent_service.domain.model.conversations import TAKEN_BACK, Line, MediaState, Role, State
from agent_service.domain.model.history import Turn
from agent_service.domain.model.hours import hours_of
from agent_service.domain.model.people_wanted import asks_for_person
from agent_service.domain.model.phrases import plain
from agent_service.domain.model.texts import bubbles
from agent_service.domain.model.wordings import Wording, words_for

_TOLD_AGAIN_AFTER = timedelta(hours=6)
"""How long a customer who keeps writing at night is not told again that we are closed."""

_NEVER_READ = frozenset({"sticker", "video", "voice", "audio"})
"""Kinds in which a model reads nothing; a recording that was heard has words of its own."""


class Course(StrEnum):
    """What to do with a turn."""

    ANSWER = "answer"
    PASS = "pass"  # noqa: S105 - no password: the turn is passed over
    SAY = "say"
    HAND_OFF = "hand_off"
    FINISH = "finish"
    OTHER_AGENT = "other_agent"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a turn, with the words for it."""

    course: Course
    text: str = ""
    reason: str = ""


def decide(turn: Turn, now: datetime) -> Decision:
    """Decide by the agent's settings and what the customer wrote; asks nobody."""
    texts = [line.text for line in turn.unanswered]
    return (
        _by_deletion(texts)
        or _by_trigger(turn, now)
        or _by_words(turn, texts, now)
        or _by_hours(turn, now)
        or _by_kind(turn)
        or Decision(Course.ANSWER)
    )


def _by_deletion(texts: list[str]) -> Decision | None:
    if not texts or any(text != TAKEN_BACK for text in texts):
        return None
    return Decision(Course.PASS, reason="the customer has taken it back")


def _by_words(turn: Turn, texts: list[str], now: datetime) -> Decision | None:
    """A goodbye, or a wish for a person."""
    settings = turn.agent.settings
    word = plain(settings.finish_keyword)
    if word and texts and plain(texts[-1]) == word:
        return Decision(Course.FINISH, settings.finish_text, "the customer said goodbye")
    if any(asks_for_person(text, settings.hand_off_words) for text in texts):
        text = hand_off_words(turn, Wording.HAND_OFF, now)
        return Decision(Course.HAND_OFF, text, "the customer asked for a person")
    return None


def hand_off_words(turn: Turn, while_open: Wording, now: datetime) -> str:
    """Say that a person will answer; while the business is closed, that it will take a while."""
    settings = turn.agent.settings
    what = while_open if hours_of(settings).is_open(now) else Wording.HAND_OFF_CLOSED
    return words_for(what, settings, turn.conversation)


def _by_trigger(turn: Turn, now: datetime) -> Decision | None:
    """What does not wake the agent is none of its business, whatever the words."""
    settings = turn.agent.settings
    if _is_awake(turn, now) or is_called(turn):
        return None
    if settings.fallback_agent_id is not None:
        return Decision(Course.OTHER_AGENT)
    return Decision(Course.PASS, reason="nothing in it wakes the agent")


def is_called(turn: Turn) -> bool:
    """Whether the customer's words wake the agent, session or not."""
    return any(turn.agent.settings.trigger.fires(line.text) for line in turn.unanswered)


def _by_hours(turn: Turn, now: datetime) -> Decision | None:
    settings = turn.agent.settings
    if not _is_closed(settings, now):
        return None
    if _was_told(turn, now):
        return Decision(Course.PASS, reason="the customer was told that nobody is there")
    return Decision(Course.SAY, settings.out_of_hours_text)


def _by_kind(turn: Turn) -> Decision | None:
    reply = turn.agent.settings.unknown_reply
    if not reply or not all(map(_is_unreadable, turn.unanswered)):
        return None
    return Decision(Course.SAY, reply)


def _is_awake(turn: Turn, now: datetime) -> bool:
    """Whether the agent is in the middle of a session, which nothing need start."""
    settings = turn.agent.settings
    if turn.conversation.state is State.CLOSED and not settings.keep_open:
        return False
    idle = timedelta(minutes=settings.session_idle_minutes)
    said = (line.at for line in turn.history if line.role is Role.AGENT)
    return any(now - at <= idle for at in said)


def _is_closed(settings: AgentSettings, now: datetime) -> bool:
    if not settings.out_of_hours_text or not settings.business_hours:
        return False
    return not hours_of(settings).is_open(now)


def _was_told(turn: Turn, now: datetime) -> bool:
    settings = turn.agent.settings
    told = bubbles(settings.out_of_hours_text, split=settings.split_messages)
    return any(
        line.role is Role.AGENT and line.text in told and now - line.at < _TOLD_AGAIN_AFTER
        for line in turn.history
    )


def _is_unreadable(line: Line) -> bool:
    """Whether there is nothing in a line that a model could read, see or name."""
    media = line.media
    if media is None:
        return line.text in {"[sticker]", "[video]", "[unsupported]"}
    if line.text != f"[{media.kind}]":
        return False
    return media.kind in _NEVER_READ or media.state is MediaState.LOST
