"""What a customer hears when the model fails: the answer later, or a person; never the error."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from common.contracts import ChatId, new_id
from common.db import Sql

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

FALLBACK = "One moment, a colleague will write to you."
_REFILL = Sql("""
    update meter set requests_at = requests_at - interval '30 seconds'
    where tenant_id = :tenant returning tenant_id""")


async def expect_a_person(stage: Any, ana: Any, reason: str) -> None:
    """The polite text once, a request with the reason, and silence from then on."""
    assert (await ana.handed_off()).reason == f"the model cannot answer: {reason}"
    assert await ana.hears() == [FALLBACK]
    assert (await ana.state())["state"] == "handoff_requested"
    asked = len(await stage.calls(ana.agent))
    await ana.writes("are you still there?")
    await ana.stored(3)
    await ana.at_rest()
    assert ana.answers() == [FALLBACK]
    assert len(ana.handoffs()) == 1
    assert len(await stage.calls(ana.agent)) == asked


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("insufficient_quota", "the model account has no quota left"),
        ("model_not_found", "the model does not exist (any more)"),
        ("invalid_api_key", "the model server refuses the key"),
        ("permission_denied", "the model server refuses the key"),
        ("context_length_exceeded", "the model server refused: context_length_exceeded"),
    ],
)
async def test_what_no_retry_mends_asks_for_a_person(stage: Any, fault: str, reason: str) -> None:
    ana = await stage.customer(fallback_text=FALLBACK)
    await stage.fault(ana.agent, fault, times=None)
    await ana.writes("hello")
    await expect_a_person(stage, ana, reason)


async def test_an_account_without_quota_is_not_asked_for_the_next_customer_either(
    stage: Any,
) -> None:
    ana = await stage.customer(fallback_text=FALLBACK)
    bea = replace(ana, chat=ChatId(new_id("cht")))
    await stage.fault(ana.agent, "insufficient_quota", times=1)
    for one in (ana, bea):
        await one.writes("hello")
        reason = (await one.handed_off()).reason
        assert reason == "the model cannot answer: the model account has no quota left"
        assert await one.hears() == [FALLBACK]
    assert await stage.calls(ana.agent) == [], "the server would have answered the second"


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ({"text": "  "}, "the model said nothing"),
        ({"text": "half an", "incomplete": "max_output_tokens"}, "the model did not finish: max_"),
        ({"text": "x", "incomplete": "content_filter"}, "the model did not finish: content_"),
        ({"failed": "invalid_prompt"}, "the model did not finish: invalid_prompt"),
    ],
)
async def test_an_answer_that_is_none_asks_for_a_person(
    stage: Any, reply: dict[str, str], reason: str
) -> None:
    ana = await stage.customer(fallback_text=FALLBACK)
    await stage.script(ana.agent, **reply)
    await ana.writes("hello")
    completed = reason + reply.get("incomplete", "").partition("_")[2]
    await expect_a_person(stage, ana, completed)


async def test_an_address_on_our_own_network_asks_for_a_person_at_once(stage: Any) -> None:
    ana = await stage.customer(fallback_text=FALLBACK, base_url="http://localhost:9/v1")
    await ana.writes("hello")
    await expect_a_person(stage, ana, "The address points into a network that is not public.")


async def test_what_passes_is_retried_and_answered_once(stage: Any) -> None:
    faults: dict[str, dict[str, Any]] = {
        "server_error": {},
        "overloaded": {},
        "drop_before": {},
        "refuse": {},
        "garbage": {},
        "rate_limit": {"retry_after": 1},
        "status": {"status": 408},
    }
    customers = {fault: await stage.customer() for fault in faults}
    for fault, more in faults.items():
        await stage.fault(customers[fault].agent, fault, **more)
    await asyncio.gather(*(ana.writes("hello") for ana in customers.values()))
    for fault, ana in customers.items():
        assert await ana.hears() == ["You said: hello"], fault
        assert ana.handoffs() == []


async def test_a_response_that_failed_for_a_passing_reason_is_asked_for_again(stage: Any) -> None:
    ana = await stage.customer()
    await stage.script(ana.agent, failed="server_error")
    await ana.writes("hello")
    await ana.failed()
    await stage.script(ana.agent, text="Here I am.")
    assert await ana.hears() == ["Here I am."]


async def test_retry_after_is_kept_whoever_writes_meanwhile(stage: Any) -> None:
    ana = await stage.customer()
    await stage.fault(ana.agent, "rate_limit", retry_after=120)
    await ana.writes("hello")
    assert 110 < (await ana.failed())["due_in"] <= 120
    await ana.writes("are you there?")
    await ana.stored(2)
    assert 100 < (await ana.lane_row())["due_in"] <= 120
    await ana.resumed()
    assert await ana.hears() == ["You said: are you there?"]
    assert len(await stage.calls(ana.agent)) == 1


async def test_a_wait_longer_than_a_customers_patience_asks_for_a_person(stage: Any) -> None:
    ana = await stage.customer(fallback_text=FALLBACK)
    await stage.fault(ana.agent, "rate_limit", retry_after=3600, times=None)
    await ana.writes("hello")
    await expect_a_person(stage, ana, "the model asks us to slow down")


async def test_an_outage_that_does_not_end_asks_for_a_person(stage: Any) -> None:
    ana = await stage.customer(fallback_text=FALLBACK)
    await stage.fault(ana.agent, "server_error", times=None)
    await ana.writes("hello")
    await ana.failed()
    assert ana.answers() == []
    await ana.time_passes()
    await ana.resumed()
    await expect_a_person(stage, ana, "the model server answered 500")


async def test_over_the_rate_a_tenant_waits_and_is_answered_and_no_other_is_delayed(
    stage: Any,
) -> None:
    ana = await stage.customer(requests_per_minute=2)
    bea, eva = (replace(ana, chat=ChatId(new_id("cht"))) for _ in range(2))
    for one in (ana, bea):
        await one.writes("hello")
        assert await one.hears() == ["You said: hello"]
    await eva.writes("hello")
    assert 25 < (await eva.failed())["due_in"] <= 30
    other = await stage.customer(requests_per_minute=2)
    await other.writes("hello")
    assert await other.hears() == ["You said: hello"]
    assert eva.answers() == []

    assert (await stage.database.execute(_REFILL, {"tenant": ana.agent.tenant})).scalars()
    await eva.resumed()
    assert await eva.hears() == ["You said: hello"]
    assert len(await stage.calls(ana.agent)) == 3
