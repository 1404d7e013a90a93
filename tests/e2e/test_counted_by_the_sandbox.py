"""What customers hear and what a model is paid for, as WhatsApp and the model's server count it."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from bench.ground import Ground, ground
from bench.suite import Suite, suite
from common.testing import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240), pytest.mark.asyncio(loop_scope="module")]

QUICK = {"quiet_seconds": 0, "typing_ms_per_char": 0, "requests_per_minute": 100_000}
SORRY = "Somebody will write to you."
A_TOKEN_COSTS_A_MICRO = {
    "AGENT_DEFAULT_INPUT_MICROS": "1000000",
    "AGENT_DEFAULT_CACHED_MICROS": "1000000",
    "AGENT_DEFAULT_OUTPUT_MICROS": "1000000",
}
HEARD = "select count(*) from line where text = $1"


class Place(NamedTuple):
    """The running suite, and the ground below it."""

    ground: Ground
    suite: Suite

    async def ask_agent(self, question: str, *values: str) -> Any:
        return await self.ground.ask("agent", question, *values)

    async def paid(self, words: str) -> list[dict[str, Any]]:
        """What the model's server has served of calls with these words in them."""
        found: list[dict[str, Any]] = await self.suite.door(
            "GET", "/_sandbox/openai/calls", params={"contains": words}
        )
        return found


class Number(NamedTuple):
    """A number with an agent of its own, and the customers who write to it."""

    place: Place
    instance: str

    async def hears(self, phone: str, text: str) -> None:
        """Let a customer write, and wait until the agent has it."""
        await self.place.suite.write(self.instance, phone, text)
        await eventually(lambda: self.place.ask_agent(HEARD, text), what=f"{text} heard")

    async def said(self) -> Counter[str]:
        """What WhatsApp was told to send, as `phone: text`, once there is nothing left to do."""
        await self.place.suite.at_rest()
        sent = await self.place.suite.door("GET", "/_sandbox/evolution/sent")
        return Counter(
            f"{one['remote_jid'].partition('@')[0]}: {one['text']}"
            for one in sent
            if one["instance"] == self.instance
        )


def customers(count: int) -> list[str]:
    return [f"55119{n:08d}" for n in range(1, count + 1)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place() -> AsyncGenerator[Place]:
    async with ground("e2e-counted") as below:
        below.extra |= A_TOKEN_COSTS_A_MICRO
        async with suite(below) as running:
            yield Place(below, running)


@pytest_asyncio.fixture(loop_scope="module")
async def calm(place: Place) -> AsyncGenerator[Place]:
    yield place
    await place.suite.door("POST", "/_sandbox/openai/latency", json={"seconds": 0})
    await place.suite.door("DELETE", "/_sandbox/faults")


async def number(place: Place, **settings: Any) -> Number:
    return Number(place, await place.suite.connect_number({**QUICK, **settings}))


async def thinks_for(place: Place, seconds: float) -> None:
    await place.suite.door("POST", "/_sandbox/openai/latency", json={"seconds": seconds})


async def in_mid_run(place: Place) -> None:
    """Wait until the model thinks."""

    async def thinking() -> bool:
        return bool((await place.suite.door("GET", "/_sandbox/openai/calls/count"))["thinking"])

    await eventually(thinking, what="a call at the model")


async def test_a_burst_of_ten_is_one_answer_and_one_call(calm: Place) -> None:
    ours, [ana] = await number(calm, quiet_seconds=1.5), customers(1)
    for n in range(10):
        await ours.hears(ana, f"burst, part {n}")
    assert await ours.said() == {f"{ana}: You said: burst, part 9": 1}
    assert len(await calm.paid("burst, part 9")) == 1


async def test_what_comes_twice_and_out_of_order_is_answered_once_each(calm: Place) -> None:
    ours = await number(calm)
    for fault in ("duplicate_webhook", "reorder_webhooks"):
        order = {"provider": "evolution", "fault": fault, "call": "MESSAGES_UPSERT", "times": 20}
        await calm.suite.door("POST", "/_sandbox/faults", json=order)
    phones = customers(20)
    await asyncio.gather(*(ours.hears(phone, f"twice to {phone}") for phone in phones))
    await calm.suite.sent(20)
    assert await ours.said() == {f"{phone}: You said: twice to {phone}": 1 for phone in phones}
    assert len(await calm.paid("twice to")) == 20


async def test_what_is_written_while_the_model_thinks_replaces_the_draft(calm: Place) -> None:
    ours, [ana] = await number(calm), customers(1)
    await thinks_for(calm, 1.5)
    await ours.hears(ana, "the first thought")
    await in_mid_run(calm)
    await ours.hears(ana, "the second thought")
    assert await ours.said() == {f"{ana}: You said: the second thought": 1}
    assert len(await calm.paid("the first thought")) == 2, "the draft, and what replaced it"


async def test_a_person_who_takes_over_in_mid_run_is_not_talked_over(calm: Place) -> None:
    ours, [ana] = await number(calm), customers(1)
    await thinks_for(calm, 1.5)
    await ours.hears(ana, "is anybody there?")
    await in_mid_run(calm)
    talks = (await calm.suite.api.get("/api/conversations", params={"limit": 1})).json()
    taken = await calm.suite.api.post(f"/api/conversations/{talks[0]['id']}/take-over")
    assert taken.status_code == 200, taken.text
    assert await ours.said() == {}
    assert len(await calm.paid("is anybody there?")) == 1
    await ours.hears(ana, "and now?")
    assert await ours.said() == {}
    assert await calm.paid("and now?") == [], "a person has the conversation"


async def test_a_key_without_money_is_told_politely_and_once(calm: Place) -> None:
    ours, [ana] = await number(calm, fallback_text=SORRY), customers(1)
    order = {"provider": "openai", "fault": "insufficient_quota", "times": 1}
    await calm.suite.door("POST", "/_sandbox/faults", json=order)
    await ours.hears(ana, "can you pay?")
    assert await ours.said() == {f"{ana}: {SORRY}": 1}
    assert await calm.paid("can you pay?") == []


async def test_fifty_at_once_never_spend_more_than_the_budget(calm: Place) -> None:
    """Of the server's own count, at a micro a token; whoever is too late is told so, once."""
    budget = 8_000
    settings = {"max_output_tokens": 64, "limits": {"micros_per_day": budget}}
    ours = await number(calm, fallback_text=SORRY, **settings)
    await thinks_for(calm, 0.5)
    phones = customers(50)
    await asyncio.gather(*(ours.hears(phone, f"budget of {phone}") for phone in phones))
    told = await ours.said()
    calls = await calm.paid("budget of")
    spent = sum(one["usage"]["total_tokens"] for one in calls)
    assert Counter(one.partition(":")[0] for one in told) == dict.fromkeys(phones, 1)
    assert sum(told.values()) == 50
    late = [one for one in told if one.endswith(SORRY)]
    assert len(late) == 50 - len(calls)
    assert 1 <= len(calls) < 50
    assert spent <= budget
