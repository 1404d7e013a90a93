"""Who answers, and when nobody does: the agent, a person, or a canned word."""

from datetime import timedelta
from typing import Any

import pytest

from agent_service.app.contexts import tenant_opener
from agent_service.domain.model import conversation_id
from agent_service.domain.model.triggers import Trigger, TriggerKind, TriggerOperator
from agent_service.domain.usecases import control
from agent_service.providers.tools import BUILT_IN
from common.contracts import (
    CancelMessages,
    ChatId,
    CommandId,
    ConversationStateChanged,
    HandoffRequested,
    IntegrationId,
    MessageKind,
    Topic,
    new_id,
    utc_now,
)
from common.contracts.cloudevents import attributes, decode
from common.contracts.whatsapp import Group, Sender
from common.errors import Refused

pytestmark = pytest.mark.integration


def conversation_of(desk: Any, chat: str) -> Any:
    return conversation_id(desk.agent.tenant, IntegrationId("int_1"), ChatId(chat))


async def state_of(desk: Any, chat: str) -> str:
    row = await desk.one(
        "select state from conversation where id = :id", id=conversation_of(desk, chat)
    )
    return str(row["state"])


async def moves(desk: Any, chat: str) -> list[tuple[str, str]]:
    await desk.sent(chat)  # everything has been published
    changed = desk.events(ConversationStateChanged)
    return [(one.previous, one.state) for one in changed if one.chat_id == chat]


def cancelled(desk: Any, chat: str) -> list[CommandId]:
    records = desk.bus.records(Topic.WHATSAPP_COMMANDS)
    events = [decode(attributes(r.headers), r.value).event for r in records]
    return [
        command
        for event in events
        if isinstance(event, CancelMessages) and event.chat_id == chat
        for command in event.command_ids
    ]


async def operator(desk: Any, chat: str, what: Any, *arguments: Any) -> Any:
    async with tenant_opener(desk.database, lambda: None)(desk.agent.tenant) as context:
        return await what(context, conversation_of(desk, chat), *arguments, "key:test")


async def time_is_up(desk: Any, chat: str) -> None:
    await desk.one(
        "update conversation set human_until = now() - interval '1 second' where id = :id"
        " returning id",
        id=conversation_of(desk, chat),
    )


async def test_who_asks_for_a_person_gets_one_and_no_model_is_asked(desk: Any) -> None:
    model = await desk.turn("cht_1", "quero falar com um atendente", "never said")

    assert model.asked == []
    assert await desk.texts("cht_1") == [desk.agent.settings.hand_off_text]
    [request] = desk.events(HandoffRequested)
    assert request.reason == "the customer asked for a person"
    assert await moves(desk, "cht_1") == [("bot", "handoff_requested")]

    model = await desk.turn("cht_1", "are you there?", "never said")
    assert model.asked == []
    assert len(await desk.texts("cht_1")) == 1


async def test_the_owner_on_the_phone_silences_the_agent_and_takes_back_what_is_queued(
    desk: Any,
) -> None:
    await desk.turn("cht_1", "hello", "First.\n\nSecond.")
    sent = [command.command_id for command in await desk.sent("cht_1")]

    await desk.writes("cht_1", "I'll take it from here", from_me=True)
    model = await desk.turn("cht_1", "thank you", "never said")

    assert model.asked == []
    assert await moves(desk, "cht_1") == [("bot", "human")]
    assert set(cancelled(desk, "cht_1")) == set(sent)


async def test_a_person_who_takes_over_in_mid_run_is_not_talked_over(desk: Any) -> None:
    await desk.writes("cht_1", "hello")
    job = await desk.claim()

    model = desk.script("a word too many")
    await desk.interrupted(job, model, lambda: operator(desk, "cht_1", control.take_over))

    assert len(model.asked) == 1
    assert await desk.texts("cht_1") == []
    assert await state_of(desk, "cht_1") == "human"


async def test_after_a_silence_the_agent_comes_back_by_itself(desk: Any) -> None:
    await desk.turn("cht_1", "hello", "Hi.")
    await desk.writes("cht_1", "one moment", from_me=True)
    await time_is_up(desk, "cht_1")

    model = await desk.turn("cht_1", "and now?", "I am back.")

    assert len(model.asked) == 1
    assert (await desk.texts("cht_1"))[-1] == "I am back."
    assert await moves(desk, "cht_1") == [("bot", "human"), ("human", "bot")]
    await desk.turn("cht_1", "good", "Yes.")
    assert len(await moves(desk, "cht_1")) == 2, "its return is told once"


async def test_a_person_keeps_the_conversation_for_as_long_as_they_write(desk: Any) -> None:
    await desk.turn("cht_1", "hello", "Hi.")
    for text in ("one", "two"):
        await desk.writes("cht_1", text, from_me=True)
        row = await desk.one(
            "select human_until from conversation where id = :id",
            id=conversation_of(desk, "cht_1"),
        )
        assert row["human_until"] > utc_now() + timedelta(minutes=59)
    assert await moves(desk, "cht_1") == [("bot", "human")]


@pytest.mark.parametrize("manner", ["ignore", "answer"])
async def test_an_agent_may_ignore_its_owner_or_take_them_for_a_customer(
    desk: Any, manner: str
) -> None:
    await desk.change(on_owner_message=manner)
    await desk.writes("cht_1", "is this thing on?", from_me=True)
    model = desk.script("It is.")
    await desk.next_worker(model)
    assert len(model.asked) == (1 if manner == "answer" else 0)
    assert await state_of(desk, "cht_1") == "bot"


async def test_a_keyword_wakes_the_agent_and_the_session_keeps_it_awake(desk: Any) -> None:
    await desk.change(trigger=Trigger(TriggerKind.KEYWORD, value="price"))
    asleep = await desk.turn("cht_1", "good morning", "never said")
    woken = await desk.turn("cht_1", "what is the price?", "Ten.")
    awake = await desk.turn("cht_1", "and for two?", "Eighteen.")
    assert (len(asleep.asked), len(woken.asked), len(awake.asked)) == (0, 1, 1)
    assert await desk.texts("cht_1") == ["Ten.", "Eighteen."]


@pytest.mark.parametrize("text", ["sair", "quero falar com um atendente"])
async def test_an_agent_that_nothing_wakes_does_not_react_to_its_words(
    desk: Any, text: str
) -> None:
    await desk.change(trigger=Trigger(TriggerKind.NONE), finish_keyword="sair")
    await desk.turn("cht_1", text, "never said")
    assert await desk.texts("cht_1") == []
    assert await state_of(desk, "cht_1") == "bot"


async def test_the_finish_keyword_ends_the_conversation_and_the_next_message_begins_one(
    desk: Any,
) -> None:
    await desk.change(finish_keyword="sair", finish_text="Até logo!")
    await desk.turn("cht_1", "oi", "Olá.")
    ended = await desk.turn("cht_1", "SAIR!", "never said")
    again = await desk.turn("cht_1", "voltei", "Olá de novo.")
    assert (len(ended.asked), len(again.asked)) == (0, 1)
    assert await desk.texts("cht_1") == ["Olá.", "Até logo!", "Olá de novo."]
    assert await moves(desk, "cht_1") == [("bot", "closed"), ("closed", "bot")]


@pytest.mark.parametrize(("reply", "said"), [("Words, please.", ["Words, please."]), ("", [])])
async def test_what_nobody_can_read_is_answered_with_a_word_if_there_is_one(
    desk: Any, reply: str, said: list[str]
) -> None:
    await desk.change(unknown_reply=reply)
    await desk.writes("cht_1", "", kind=MessageKind.UNSUPPORTED)
    model = desk.script("never said")
    await desk.next_worker(model)
    assert model.asked == []
    assert await desk.texts("cht_1") == said


@pytest.mark.parametrize("asked_by", ["word", "tool", "failure"])
async def test_while_closed_no_colleague_is_promised_for_now(desk: Any, asked_by: str) -> None:
    opens = utc_now() + timedelta(days=2)
    desk.tools = list(BUILT_IN)
    await desk.change(
        business_hours=(f"{opens:%a} 09:00-10:00",),
        hand_off_closed_text="Once we are open.",
        tools=("hand_off",),
    )
    asking = [("hand_off", '{"reason": "a loan", "summary": ""}')]
    lines: dict[str, list[Any]] = {
        "word": ["never said"],
        "tool": [asking, "Somebody will see to it."],
        "failure": [Refused("no such model")],
    }
    text = "can I talk to a person?" if asked_by == "word" else "a loan?"
    model = await desk.turn("cht_1", text, *lines[asked_by])
    assert await state_of(desk, "cht_1") == "handoff_requested"
    if asked_by == "tool":
        assert f"once it opens, on {opens:%A, %Y-%m-%d} at 09:00" in model.outputs[0]
    else:
        assert await desk.texts("cht_1") == ["Once we are open."]


async def test_at_night_the_customer_is_told_once(desk: Any) -> None:
    tomorrow = (utc_now() + timedelta(days=2)).strftime("%a").lower()
    await desk.change(
        business_hours=(f"{tomorrow} 09:00-10:00",), out_of_hours_text="We sleep.\n\nBye."
    )
    first = await desk.turn("cht_1", "hello?", "never said")
    second = await desk.turn("cht_1", "anybody?", "never said")
    assert first.asked == second.asked == []
    assert await desk.texts("cht_1") == ["We sleep.", "Bye."]


async def test_contacts_and_groups_that_are_to_be_ignored_are_not_heard(desk: Any) -> None:
    await desk.change(ignored_contacts=("+5511988880001",))
    await desk.writes("cht_1", "hello")
    await desk.writes("cht_2", "hello", group=Group(id="1@g.us"))
    assert await desk.claim() is None
    assert await desk.one("select 1 from conversation") is None


async def test_a_group_is_answered_if_wanted_and_everybody_has_a_name(desk: Any) -> None:
    await desk.change(answer_groups=True)
    await desk.writes(
        "cht_1", "hello", group=Group(id="1@g.us"), sender=Sender(phone="+551199", name="Ana")
    )
    model = desk.script("Hello, Ana.")
    await desk.next_worker(model)
    assert model.asked[0].items[-1].text == "Ana: hello"


async def test_in_a_group_the_rules_hear_the_words_without_the_name(desk: Any) -> None:
    group = {"group": Group(id="1@g.us"), "sender": Sender(phone="+551199", name="Ana")}
    await desk.change(
        answer_groups=True,
        finish_keyword="bye",
        trigger=Trigger(TriggerKind.KEYWORD, TriggerOperator.STARTS_WITH, "bot"),
    )
    model = desk.script("Hello, Ana.", "never said")
    for text in ("Bot, are you there?", "atendente", "and now?"):
        await desk.writes("cht_1", text, **group)
        await desk.next_worker(model)
    assert len(model.asked) == 1
    assert await state_of(desk, "cht_1") == "handoff_requested"

    for text in ("bot!", "BYE"):
        await desk.writes("cht_2", text, **group)
        await desk.next_worker(desk.script("Yes?"))
    assert await state_of(desk, "cht_2") == "closed"


async def test_an_operator_answers_once_per_request_and_hands_back(desk: Any) -> None:
    await desk.turn("cht_1", "hello", "Hi.")
    command = CommandId(new_id("cmd"))
    for _ in range(2):
        await operator(desk, "cht_1", control.reply, "This is Rui.", command)
    assert await desk.texts("cht_1") == ["Hi.", "This is Rui.", "This is Rui."]
    ids = [sent.command_id for sent in await desk.sent("cht_1")]
    assert ids[1] == ids[2] == command, "the sender sends one command once"
    row = await desk.one("select count(*) as n from line where role = 'human'")
    assert row["n"] == 1

    silent = await desk.turn("cht_1", "thanks", "never said")
    await operator(desk, "cht_1", control.hand_back)
    talking = await desk.turn("cht_1", "are you a robot?", "Yes.")
    assert (len(silent.asked), len(talking.asked)) == (0, 1)
    assert await moves(desk, "cht_1") == [("bot", "human"), ("human", "bot")]
