"""A second agent, for what does not wake the first."""

from typing import Any

import pytest

from agent_service.app.contexts import tenant_opener
from agent_service.domain.model import Agent, AgentSettings
from agent_service.domain.model.triggers import Trigger, TriggerKind
from common.contracts import AgentId, TenantId, new_id, utc_now
from common.errors import Unavailable

pytestmark = pytest.mark.integration


async def a_second(desk: Any, **settings: Any) -> Agent:
    now = utc_now()
    bia = Agent(
        AgentId(new_id("agt")),
        desk.agent.tenant,
        "Bia",
        AgentSettings(quiet_seconds=0, instructions="You are Bia.", **settings),
        now,
        now,
    )
    async with tenant_opener(desk.database, lambda: None)(desk.agent.tenant) as context:
        await context.agents.add(bia)
    return bia


async def test_what_does_not_wake_one_agent_wakes_another_for_the_session(desk: Any) -> None:
    bia = await a_second(desk)
    await desk.change(trigger=Trigger(TriggerKind.KEYWORD, value="sales"), fallback_agent_id=bia.id)
    said = ["hello", "and for two?", "sales, please", "how much?"]

    models = [await desk.turn("cht_1", text, f"to: {text}") for text in said]

    ana = desk.agent.id
    assert [model.asked[0].agent.id for model in models] == [bia.id, bia.id, ana, ana]
    assert await desk.texts("cht_1") == [f"to: {text}" for text in said]


async def test_a_run_of_the_second_agent_is_resumed_as_its_own(desk: Any) -> None:
    bia = await a_second(desk, tools=("business_hours",))
    await desk.change(trigger=Trigger(TriggerKind.NONE), fallback_agent_id=bia.id)
    await desk.writes("cht_1", "when are you open?")
    job = await desk.claim()
    first = desk.script([("business_hours", "{}")], Unavailable("away"))
    with pytest.raises(Unavailable):
        await desk.work(job, first)

    second = desk.script("At nine.")
    await desk.next_worker(second)

    assert {one.agent.id for one in (*first.asked, *second.asked)} == {bia.id}
    assert await desk.texts("cht_1") == ["At nine."]


async def test_a_fallback_agent_of_another_tenant_answers_nobody(desk: Any) -> None:
    now = utc_now()
    theirs = Agent(
        AgentId(new_id("agt")), TenantId(new_id("ten")), "Eva", AgentSettings(), now, now
    )
    async with tenant_opener(desk.database, lambda: None)(theirs.tenant) as context:
        await context.agents.add(theirs)
    await desk.change(trigger=Trigger(TriggerKind.NONE), fallback_agent_id=theirs.id)
    model = await desk.turn("cht_1", "hello", "never said")
    assert model.asked == []
    assert await desk.texts("cht_1") == []
