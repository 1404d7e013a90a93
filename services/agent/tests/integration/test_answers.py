"""What is answered, once, and what is not: on real Kafka, real Postgres and the strict sandbox."""

import asyncio
import itertools
from dataclasses import replace
from typing import Any

import pytest

from common.contracts import AgentId, ChatId
from common.testing import eventually

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


async def test_a_message_is_answered_once(stage: Any) -> None:
    ana = await stage.customer()
    written = await ana.writes("hello")
    [text] = await ana.hears()
    assert "hello" in text
    await ana.writes("hello", message_id=written)
    await ana.writes("again")
    assert len(await ana.hears(2)) == 2
    assert len(await stage.calls(ana.agent)) == 2


async def test_a_burst_of_ten_gives_one_answer_to_all_of_it(stage: Any) -> None:
    ana = await stage.customer(quiet_seconds=1.0, history_messages=2)
    for n in range(10):
        await ana.writes(f"part {n}")
    [text] = await ana.hears()
    assert "part 9" in text
    assert await stage.heard_by_model(ana.agent) == [[f"part {n}" for n in range(10)]]


async def test_what_a_bot_must_not_answer_is_not_answered(stage: Any) -> None:
    ana = await stage.customer()
    stranger = replace(ana, agent=replace(ana.agent, id=AgentId("agt_nobody")))
    await ana.writes("old", stale=True)
    await ana.writes("from the phone", from_me=True)
    await stranger.writes("foreign")
    bea = replace(ana, chat=ChatId("cht_other"))
    await bea.writes("hello")
    assert await bea.hears() == ["You said: hello"]
    await ana.at_rest()
    assert ana.answers() == []
    assert len(await stage.calls(ana.agent)) == 1


async def test_the_same_messages_again_and_in_another_order_are_answered_once(stage: Any) -> None:
    ana = await stage.customer(quiet_seconds=0.4)
    first, second = "wa_first", "wa_second"
    for message in (second, first, first, second, first):
        await ana.writes(f"text of {message}", message_id=message)
    assert len(await ana.hears()) == 1
    for message in (first, second):
        await ana.writes(f"text of {message}", message_id=message)
    await ana.writes("the last")
    assert await ana.hears(2) == ["You said: text of wa_first", "You said: the last"]
    assert len(await stage.calls(ana.agent)) == 2
    said = [text for role, text in await ana.lines() if role == "customer"]
    assert said == ["text of wa_second", "text of wa_first", "the last"]


async def test_who_keeps_writing_is_answered_at_the_deadline(stage: Any) -> None:
    ana = await stage.customer(quiet_seconds=2, deadline_seconds=3)

    async def never_pauses() -> None:
        for n in itertools.count():
            await ana.writes(f"line {n}")
            await asyncio.sleep(0.3)  # the customer's pace, not a wait

    writing = asyncio.ensure_future(never_pauses())
    try:
        await eventually(ana.answers, within=10, what="an answer")
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
    first, *_ = await stage.heard_by_model(ana.agent)
    assert 3 <= len(first) <= 20, "neither at once nor only when the customer stopped"


async def test_what_comes_while_the_model_thinks_is_answered_with_the_rest(stage: Any) -> None:
    ana = await stage.customer()
    await stage.fault(ana.agent, "delay", seconds=0.7)
    await ana.writes("do you deliver")
    await ana.thinking()
    await ana.writes("on Sundays?")
    assert await ana.hears() == ["You said: on Sundays?"]
    drafted, sent = await stage.heard_by_model(ana.agent)
    assert drafted == ["do you deliver"]
    assert sent == ["do you deliver", "on Sundays?"]


@pytest.mark.parametrize("same_number", [False, True])
async def test_two_tenants_with_the_same_customer_never_mix(stage: Any, same_number: bool) -> None:
    ours = await stage.customer()
    theirs = replace(ours, agent=await stage.agent())
    if not same_number:
        theirs = replace(theirs, integration="int_theirs")
    await asyncio.gather(ours.writes("our secret"), theirs.writes("their secret"))
    assert await ours.hears() == ["You said: our secret"]
    assert await theirs.hears() == ["You said: their secret"]
    for one, other in ((ours, "their"), (theirs, "our")):
        [call] = await stage.calls(one.agent)
        assert f"{other} secret" not in str(call["input"])


async def test_a_deleted_agents_turn_ends_quietly_and_the_next_agent_answers(stage: Any) -> None:
    ana = await stage.customer(quiet_seconds=60)
    await ana.writes("is anybody there")
    await ana.stored(1)
    await stage.delete(ana.agent)
    await ana.resumed()
    await ana.at_rest()
    assert await ana.lines() == [("customer", "is anybody there")]
    assert await stage.calls(ana.agent) == []

    successor = replace(ana, agent=await stage.agent(ana.agent.tenant))
    await successor.writes("hello?")
    assert await successor.hears() == ["You said: hello?"]


async def test_a_message_with_a_character_that_postgres_lacks_is_answered(stage: Any) -> None:
    ana = await stage.customer()
    await stage.script(ana.agent, text="with a\0 hole")
    await ana.writes("hel\0lo")
    assert await ana.hears() == ["with a hole"]
    assert await ana.lines() == [("customer", "hello"), ("agent", "with a hole")]


async def test_an_answer_leaves_as_one_message_a_paragraph_in_order(stage: Any) -> None:
    ana = await stage.customer(typing_ms_per_char=10)
    await stage.script(ana.agent, text="First.\n\nSecond, longer.\n\n\n\nThird.")
    await ana.writes("tell me")
    assert await ana.hears(3) == ["First.", "Second, longer.", "Third."]
    typing = [envelope.event.typing_ms for envelope in ana.commands()]
    assert typing == [60, 150, 60]
