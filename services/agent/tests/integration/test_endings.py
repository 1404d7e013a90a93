"""Each way a model can fail a customer has its own end; counts are the model server's."""

import asyncio
from typing import Any

import pytest

from agent_service.domain.model import Limits
from common.contracts import LimitReached

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

FALLBACK = "One moment, a colleague will write to you."


async def test_a_refusal_is_told_in_the_models_words_and_needs_no_person(stage: Any) -> None:
    ana = await stage.customer()
    await stage.script(ana.agent, refusal="I can't help with that.")
    await ana.writes("something bad")
    assert await ana.hears() == ["I can't help with that."]
    assert ana.handoffs() == []
    assert len(await stage.calls(ana.agent)) == 1


async def test_a_truncated_answer_is_said_as_far_as_its_last_sentence(stage: Any) -> None:
    ana = await stage.customer()
    await stage.script(ana.agent, text="It is blue. It costs ten", incomplete="max_output_tokens")
    await ana.writes("tell me")
    assert await ana.hears() == ["It is blue."]
    assert ana.handoffs() == []


async def test_an_answer_cut_off_before_it_says_anything_is_given_room_once(stage: Any) -> None:
    ana = await stage.customer(max_output_tokens=100)
    cut = {"text": "half an", "incomplete": "max_output_tokens"}
    await stage.scripts(ana.agent, [(cut, 1), ({"text": "Whole."}, None)])
    await ana.writes("tell me")
    assert await ana.hears() == ["Whole."]
    asked = [call["answer"]["text"] for call in await stage.calls(ana.agent)]
    assert asked == ["half an", "Whole."]


async def test_what_is_too_long_is_shortened_once(stage: Any) -> None:
    ana = await stage.customer()
    for n in range(2):
        await ana.writes(f"question {n}")
        await ana.hears(n + 1)
    await stage.fault(ana.agent, "context_length_exceeded", times=1)
    await ana.writes("question 2")
    assert (await ana.hears(3))[-1] == "You said: question 2"
    *_, last = await stage.heard_by_model(ana.agent)
    assert last == ["question 2"], "nothing but what must be answered"


async def test_a_storm_of_429_is_waited_out_and_nobody_is_asked_twice(stage: Any) -> None:
    customers = [await stage.customer() for _ in range(12)]
    for ana in customers:
        await stage.fault(ana.agent, "rate_limit", retry_after=120)
    await asyncio.gather(*(ana.writes("hello") for ana in customers))
    for ana in customers:
        assert 100 < (await ana.failed())["due_in"] <= 120
        assert (await ana.lane_row())["attempts"] == 1, "it is not asked again meanwhile"
    await asyncio.gather(*(ana.resumed() for ana in customers))
    for ana in customers:
        assert await ana.hears() == ["You said: hello"]
        assert len(await stage.calls(ana.agent)) == 1
        assert ana.handoffs() == []


async def test_a_tool_is_used_over_both_apis_and_paid_for_once_a_call(stage: Any) -> None:
    for api in ("responses", "chat_completions"):
        ana = await stage.customer(api=api, tools=("business_hours", "remember_fact"))
        hours = {"tool_calls": [{"name": "business_hours", "arguments": {}}]}
        fact = {
            "tool_calls": [{"name": "remember_fact", "arguments": {"name": "size", "value": "42"}}]
        }
        await stage.scripts(
            ana.agent, [(hours, 1), (fact, 1), ({"text": "We are always open."}, None)]
        )
        await ana.writes("are you open?")
        assert await ana.hears() == ["We are always open."], api
        calls = await stage.calls(ana.agent)
        assert len(calls) == 3
        assert "No opening hours are set" in str(calls[1]["input"])


async def test_moderation_answers_politely_and_asks_for_a_person_only_out_of_care(
    stage: Any,
) -> None:
    await stage.sandbox.post(
        "/_sandbox/openai/moderation", json={"so angry": "hate", "so sad": "self-harm"}
    )
    ana = await stage.customer(moderation=True, refusal_text="Please be kind.")
    await ana.writes("I am so angry")
    assert await ana.hears() == ["Please be kind."]
    assert ana.handoffs() == []
    bea = await stage.customer(moderation=True, fallback_text=FALLBACK)
    await bea.writes("I am so sad")
    assert await bea.hears() == [FALLBACK]
    assert (await bea.handed_off()).reason == "what the customer wrote was flagged: self-harm"
    eva = await stage.customer(moderation=True)
    await eva.writes("good day")
    assert await eva.hears() == ["You said: good day"]
    for flagged in (ana, bea):
        assert [c["endpoint"] for c in await stage.calls(flagged.agent)] == []


async def test_what_must_not_be_said_is_withheld_and_a_person_is_asked_for(stage: Any) -> None:
    ana = await stage.customer(fallback_text=FALLBACK, forbidden_phrases=("free * forever",))
    await stage.script(ana.agent, text="It is free for you, forever!")
    await ana.writes("what does it cost?")
    assert await ana.hears() == [FALLBACK]
    assert (await ana.handed_off()).reason == "the answer would have shown a forbidden phrase"


async def test_a_budget_that_is_spent_ends_politely_and_is_announced(stage: Any) -> None:
    ana = await stage.customer(fallback_text=FALLBACK, limits=Limits(micros_per_day=1))
    await ana.writes("hello")
    assert await ana.hears() == [FALLBACK]
    assert (await ana.handed_off()).reason == "the budget of the agent for the day is spent"
    assert await stage.calls(ana.agent) == []
    told = [e.event for e in stage.heard if isinstance(e.event, LimitReached)]
    [limit] = [event for event in told if event.conversation_id == ana.conversation]
    assert (limit.level, limit.scope, limit.limit_micros) == ("hard", "agent", 1)
