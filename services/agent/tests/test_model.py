"""The rules of the domain: bubbles, typing, names that follow from their cause, reading order."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_service.domain.model import (
    Conversation,
    Line,
    Role,
    State,
    bubbles,
    command_id,
    conversation_id,
    in_order_of_answers,
    run_id,
    turn_id,
    typing_ms,
)
from common.contracts import AgentId, ChatId, ConversationId, IntegrationId, RunId, TenantId

LIMIT = 4096
AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_paragraphs_become_messages_and_nothing_empty_does() -> None:
    assert bubbles("a\n\n b \n\n\n\n\nc\nd\n\n", split=True) == ["a", "b", "c\nd"]
    assert bubbles("a\n\nb", split=False) == ["a\n\nb"]
    assert bubbles(" \n\n ", split=True) == []


@pytest.mark.parametrize(("length", "count"), [(LIMIT, 1), (LIMIT + 1, 2), (3 * LIMIT, 3)])
def test_a_text_without_spaces_is_cut_exactly_at_the_limit(length: int, count: int) -> None:
    cut = bubbles("x" * length, split=False)
    assert len(cut) == count
    assert "".join(cut) == "x" * length


def test_a_long_text_is_cut_between_words() -> None:
    cut = bubbles("word " * 2000, split=False)
    assert all(len(part) <= LIMIT for part in cut)
    assert {word for part in cut for word in part.split(" ")} == {"word"}


@given(st.text(max_size=20_000), st.booleans())
def test_no_message_is_over_the_limit_or_empty_and_no_letter_is_lost(
    text: str, split: bool
) -> None:
    cut = bubbles(text, split=split)
    assert all(0 < len(part) <= LIMIT and part.strip() for part in cut)
    assert "".join("".join(cut).split()) == "".join(text.split())


def test_typing_takes_its_time_but_never_more_than_twenty_seconds() -> None:
    assert typing_ms("hello", 20) == 100
    assert typing_ms("hello", 0) == 0
    assert typing_ms("x" * LIMIT, 500) == 20_000


def test_the_same_cause_has_the_same_name_and_another_cause_another() -> None:
    chat, number = ChatId("cht_1"), IntegrationId("int_1")
    conversation = conversation_id(TenantId("ten_1"), number, chat)
    assert conversation == conversation_id(TenantId("ten_1"), number, chat)
    others = {
        conversation_id(TenantId("ten_2"), number, chat),
        conversation_id(TenantId("ten_1"), IntegrationId("int_2"), chat),
        conversation_id(TenantId("ten_1"), number, ChatId("cht_2")),
    }
    assert len(others | {conversation}) == 4
    assert turn_id(conversation, 1) == turn_id(conversation, 1) != turn_id(conversation, 2)
    assert run_id("trn_1", 4) == run_id("trn_1", 4) != run_id("trn_1", 5)
    run = RunId("run_1")
    assert command_id(run, 0) == command_id(run, 0) != command_id(run, 1)


def test_names_do_not_run_into_each_other() -> None:
    """`("a", "bc")` and `("ab", "c")` are different causes."""
    a = conversation_id(TenantId("a"), IntegrationId("bc"), ChatId("d"))
    b = conversation_id(TenantId("ab"), IntegrationId("c"), ChatId("d"))
    assert a != b


def test_what_waits_for_an_answer_is_read_last() -> None:
    roles = [Role.CUSTOMER, Role.CUSTOMER, Role.AGENT, Role.HUMAN, Role.CUSTOMER]
    lines = [Line(n, role, str(n), AT) for n, role in enumerate(roles, 1)]
    conversation = Conversation(
        ConversationId("cnv_1"),
        TenantId("ten_1"),
        AgentId("agt_1"),
        IntegrationId("int_1"),
        ChatId("cht_1"),
        State.BOT,
        last_seq=5,
        answered_seq=1,
    )
    read = in_order_of_answers(lines[::-1], conversation)
    assert [line.seq for line in read] == [1, 3, 4, 2, 5]
