"""What becomes of a turn before any model is asked, where no table is needed to see it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from agent_service.domain.model import (
    Agent,
    AgentSettings,
    Conversation,
    Line,
    LineMedia,
    MediaState,
    Role,
    Run,
    State,
    Turn,
)
from agent_service.domain.model.control import Course, decide
from agent_service.domain.model.wordings import Wording, words_for
from common.contracts import AgentId, ChatId, ConversationId, IntegrationId, RunId, TenantId

MONDAY_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def a_turn(line: Line, **settings: Any) -> Turn:
    agent = Agent(
        AgentId("agt_1"), TenantId("ten_1"), "Ana", AgentSettings(**settings), line.at, line.at
    )
    conversation = Conversation(
        ConversationId("cnv_1"), TenantId("ten_1"), AgentId("agt_1"), IntegrationId("int_1"),
        ChatId("cht_1"), State.BOT, 1, 0,
    )  # fmt: skip
    return Turn("trn_1", agent, conversation, (line,), Run(RunId("run_1"), 1))


def said(text: str, **more: Any) -> Line:
    return Line(1, Role.CUSTOMER, text, MONDAY_NOON, **more)


@pytest.mark.parametrize(
    ("hours", "what"),
    [
        ((), Wording.HAND_OFF),
        (("mon 09:00-18:00",), Wording.HAND_OFF),
        (("tue 09:00-18:00",), Wording.HAND_OFF_CLOSED),
    ],
)
def test_nobody_is_promised_a_colleague_who_is_at_home(
    hours: tuple[str, ...], what: Wording
) -> None:
    turn = a_turn(said("can I talk to a person?"), business_hours=hours)
    decision = decide(turn, MONDAY_NOON)
    assert decision.course is Course.HAND_OFF
    assert decision.text == words_for(what, turn.agent.settings, turn.conversation)


@pytest.mark.parametrize(
    ("line", "course"),
    [
        (said("[voice]", media=LineMedia("voice", MediaState.LOST)), Course.SAY),
        (said("[audio]", media=LineMedia("audio", MediaState.STORED)), Course.SAY),
        (said("[voice]", media=LineMedia("voice", MediaState.AWAITED)), Course.SAY),
        (said("good day", media=LineMedia("voice", MediaState.HEARD)), Course.ANSWER),
        (said("[image]", media=LineMedia("image", MediaState.LOST)), Course.SAY),
        (said("look!", media=LineMedia("image", MediaState.LOST)), Course.ANSWER),
        (said("[image]", media=LineMedia("image", MediaState.STORED)), Course.ANSWER),
        (said("[document]", media=LineMedia("document", MediaState.STORED)), Course.ANSWER),
        (said("[live_location]", attached="Place: (1, 2)"), Course.ANSWER),
        (said("[unsupported]"), Course.SAY),
    ],
)
def test_what_could_not_be_heard_or_read_is_answered_with_the_word_for_it(
    line: Line, course: Course
) -> None:
    decision = decide(a_turn(line, unknown_reply="Please write."), MONDAY_NOON)
    assert decision.course is course
    assert decide(a_turn(line), MONDAY_NOON).course is Course.ANSWER
