"""What of a conversation is shown: the session, whole blocks, the newest first to be kept."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent_service.domain.model import (
    Agent,
    AgentSettings,
    Called,
    Conversation,
    Line,
    LineMedia,
    MediaState,
    Output,
    Role,
    Run,
    Said,
    State,
    Step,
    StepKind,
    Turn,
    request_of,
)
from agent_service.domain.model.history import images_to_see, to_summarise, told_to_a_person
from agent_service.domain.model.prompts import tokens_in
from agent_service.domain.model.texts import whole_sentences
from common.contracts import (
    AgentId,
    ChatId,
    ConversationId,
    IntegrationId,
    RunId,
    TenantId,
)

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
C, A = Role.CUSTOMER, Role.AGENT


def a_turn(lines: Sequence[Line], *, answered: int, **settings: Any) -> Turn:
    agent = Agent(
        AgentId("agt_1"),
        TenantId("ten_1"),
        "Ana",
        AgentSettings(**settings),
        AT,
        AT,
    )
    newest = max(line.seq for line in lines if line.role is C)
    conversation = Conversation(
        ConversationId("cnv_1"), TenantId("ten_1"), AgentId("agt_1"), IntegrationId("int_1"),
        ChatId("cht_1"), State.BOT, newest, answered,
    )  # fmt: skip
    return Turn("trn_1", agent, conversation, tuple(lines), Run(RunId("run_1"), newest))


def line(seq: int, role: Role, text: str, **more: Any) -> Line:
    return replace(Line(seq, role, text, AT + timedelta(minutes=seq)), **more)


def shown(turn: Turn, budget: int = 1000) -> list[str]:
    items = request_of(turn, AT, budget=budget).items
    return [item.text for item in items if isinstance(item, Said) and item.role != "system"]


def test_the_budget_keeps_the_newest_and_what_must_be_answered_always() -> None:
    talk = [line(n, C if n % 2 else A, f"line {n} " + "x" * 60) for n in range(1, 9)]
    turn = a_turn([*talk, line(9, C, "and now?")], answered=8)
    assert [text[:6] for text in shown(turn)] == [f"line {n}" for n in range(1, 9)] + ["and no"]
    assert [text[:6] for text in shown(turn, 50)] == ["line 7", "line 8", "and no"]
    assert shown(turn, 0) == ["and now?"]


def test_a_silence_ends_a_session_and_an_old_one_is_left_to_the_summary() -> None:
    old, new = line(1, C, "old"), line(3, C, "new", at=AT + timedelta(hours=30))
    turn = a_turn([old, line(2, A, "answer"), new], answered=1)
    assert shown(turn) == ["new"]
    assert turn.forgotten_upto == 2
    told = replace(turn, conversation=replace(turn.conversation, summary="S", summary_upto=2))
    assert told.forgotten_upto == 0
    assert shown(told)[0].endswith("\nS\n</data>")
    assert shown(replace(turn, agent=_patient(turn))) == ["old", "answer", "new"]


def test_a_person_is_told_what_was_said_last_when_no_model_tells_them() -> None:
    talk = [line(n, C if n % 2 else A, f"line {n}") for n in range(1, 9)]
    turn = a_turn([*talk, line(9, C, "x" * 1000)], answered=8)
    told = told_to_a_person(turn).splitlines()
    assert told[:2] == ["agent: line 4", "customer: line 5"]
    assert (len(told), len(told[-1]) < 400) == (6, True)
    summarised = replace(turn, conversation=replace(turn.conversation, summary="Wants bread."))
    assert told_to_a_person(summarised).splitlines() == ["Wants bread.", *told]


def _patient(turn: Turn) -> Agent:
    return replace(turn.agent, settings=replace(turn.agent.settings, session_idle_minutes=9999))


def test_a_call_is_never_shown_without_its_output_nor_the_other_way_round() -> None:
    call = {"id": "call_1", "name": "book", "arguments": "{}"}
    asked = Step(1, StepKind.MODEL, output={"text": "", "calls": [call], "reasoning": [{"x": 1}]})
    done = Step(2, StepKind.TOOL, name="book", call_id="call_1", output={"text": "booked"})
    lines = [line(1, C, "book"), line(2, A, "Booked!", run="run_0"), line(3, C, "thanks")]
    turn = a_turn(lines, answered=1)
    for steps, whole in (((asked, done), True), ((asked,), False), ((done,), False)):
        items = request_of(replace(turn, earlier={"run_0": steps}), AT, budget=1000).items
        called = [item for item in items if isinstance(item, Called)]
        outputs = [item for item in items if isinstance(item, Output)]
        assert (len(called), len(outputs)) == ((1, 1) if whole else (0, 0))
        assert all(item.answer.reasoning == () for item in called), "sealed for another run"
    short = request_of(replace(turn, earlier={"run_0": (asked, done)}), AT, budget=20).items
    assert not [item for item in short if isinstance(item, Called | Output)]
    assert shown(turn, 20)[-1] == "thanks"


def looked_up(run: int, text: str) -> tuple[Step, ...]:
    name = f"call_{run}"
    call = {"id": name, "name": "stock", "arguments": "{}"}
    asked = Step(1, StepKind.MODEL, output={"text": "", "calls": [call]})
    return asked, Step(2, StepKind.TOOL, name="stock", call_id=name, output={"text": text})


def a_turn_after_tools(turns: int, output: str) -> Turn:
    lines, earlier = [], {}
    for n in range(turns):
        lines += [line(2 * n + 1, C, f"question {n}"), line(2 * n + 2, A, "yes", run=f"run_{n}")]
        earlier[f"run_{n}"] = looked_up(n, output)
    turn = a_turn([*lines, line(2 * turns + 1, C, "and now?")], answered=2 * turns)
    return replace(turn, earlier=earlier)


def outputs(turn: Turn, budget: int) -> list[str]:
    items = request_of(turn, AT, budget=budget).items
    told = [item for item in items if isinstance(item, Output)]
    calls = [call.id for item in items if isinstance(item, Called) for call in item.answer.calls]
    assert [item.call_id for item in told] == calls, "each call is followed by its output"
    return [item.text for item in told]


def test_what_tools_put_out_is_shortened_before_anything_that_was_said_is_left_out() -> None:
    turn = a_turn_after_tools(6, "x" * 3900)
    said = [text for n in range(6) for text in (f"question {n}", "yes")] + ["and now?"]
    for budget, whole, short in ((9000, 6, 0), (3200, 2, 4), (700, 0, 4), (100, 0, 0)):
        assert shown(turn, budget) == said
        told = outputs(turn, budget)
        assert [len(text) > 3900 for text in told].count(True) == whole
        assert ["[cut, 3900 characters]" in text for text in told].count(True) == short
    assert len(shown(turn, 40)) < len(said), "only then the oldest of what was said"


def test_in_the_turn_that_asked_a_tool_its_output_is_whole() -> None:
    turn = a_turn([line(1, C, "question")], answered=0)
    turn = turn.with_run(replace(turn.run, steps=looked_up(0, "x" * 3900)))
    [text] = outputs(turn, 0)
    assert "x" * 3900 in text


@pytest.mark.parametrize(
    ("media", "text", "said"),
    [
        (LineMedia("voice", MediaState.HEARD), "good day", "[voice] good day"),
        (LineMedia("voice", MediaState.LOST), "[voice]", "[voice, which could not be read]"),
        (LineMedia("image", MediaState.AWAITED), "[image]", "[image]"),
        (
            LineMedia("document", MediaState.STORED, name="a.pdf"),
            "[document]",
            "[document: a.pdf]",
        ),
        (
            LineMedia("document", MediaState.STORED, name="a.pdf"),
            "look",
            "[document: a.pdf] look",
        ),
    ],
)
def test_a_file_is_named_and_a_voice_note_speaks(media: LineMedia, text: str, said: str) -> None:
    assert shown(a_turn([line(1, C, text, media=media)], answered=0)) == [said]


def test_only_pictures_of_this_turn_are_looked_at_and_the_newest_of_them() -> None:
    picture = LineMedia("image", MediaState.STORED, "media/ten_1/x", "image/jpeg")
    lost = replace(picture, state=MediaState.LOST)
    lines = [line(n, C, "[image]", media=picture) for n in range(1, 5)]
    turn = a_turn([*lines, line(5, C, "[image]", media=lost)], answered=1)
    assert [one.seq for one in images_to_see(turn, most=2)] == [3, 4]
    blind = replace(turn.agent, settings=replace(turn.agent.settings, see_images=False))
    assert list(images_to_see(replace(turn, agent=blind), most=2)) == []


def test_a_session_that_fills_its_budget_is_summarised_down_to_its_newest_third() -> None:
    talk = [line(n, C if n % 2 else A, "x" * 70) for n in range(1, 9)]
    turn = a_turn([*talk, line(9, C, "?")], answered=8, history_tokens=240)
    assert to_summarise(turn) == 5
    assert to_summarise(a_turn([*talk, line(9, C, "?")], answered=8)) == 0


@pytest.mark.parametrize("small", [{"history_tokens": 0}, {"history_messages": 4}])
def test_however_short_the_memory_a_summary_has_several_lines_to_tell_of(
    small: dict[str, int],
) -> None:
    paid, upto = 0, 0
    for newest in range(1, 61, 2):
        talk = [line(n, C if n % 2 else A, "x" * 70) for n in range(1, newest)]
        talk = talk[1 - small.get("history_messages", 40) :]
        turn = a_turn([*talk, line(newest, C, "?")], answered=newest - 1, **small)
        told = replace(turn.conversation, summary="S" if upto else "", summary_upto=upto)
        if (found := to_summarise(replace(turn, conversation=told))) > upto:
            paid, upto = paid + 1, found
    assert 5 <= paid <= 10, "thirty turns"


def test_the_estimate_of_tokens_errs_upwards() -> None:
    for text in ("", "hello", "não, obrigado", "こんにちは", "x" * 1000):
        assert tokens_in(text) >= -(-len(text.encode()) // 4)


def test_a_text_that_broke_off_is_said_as_far_as_its_last_whole_sentence() -> None:
    assert whole_sentences("One. Two! Thr") == "One. Two!"
    assert whole_sentences("3.5 kilos of") == ""
    assert whole_sentences("好的。但是") == "好的。"
    assert whole_sentences("- a\n- b") == "- a"
