"""A model account that refuses is left alone for a while; customers are handed off meanwhile."""

from dataclasses import replace
from typing import Any

import pytest

from agent_service.app.contexts import Wake, context_opener, tenant_opener
from agent_service.domain.model import Limits
from agent_service.domain.ports import AccountRefused
from common.contracts import AgentId, HandoffRequested, new_id
from common.db import Sql
from common.errors import NeedsOperator

pytestmark = pytest.mark.integration

QUOTA = "the model account has no quota left"
_LATER = "update agent set refused_until = now() - interval '1 second' returning id"
_REFUSED = Sql("select id from agent where refused_until > now()")


async def another_agent(desk: Any, **changes: Any) -> Any:
    other = replace(desk.agent, id=AgentId(new_id("agt")), **changes)
    async with tenant_opener(desk.database, lambda: None)(other.tenant) as context:
        await context.agents.add(other)
    return other


async def refused(desk: Any) -> set[str]:
    return {row[0] for row in await desk.database.execute(_REFUSED)}


@pytest.mark.parametrize("limits", [Limits(), Limits(micros_per_day=10**9)])
async def test_after_a_refusal_nobody_asks_and_everybody_is_handed_off(
    desk: Any, limits: Limits
) -> None:
    await desk.change(limits=limits)
    await desk.turn("a", "hello", AccountRefused(QUOTA))
    for chat in "bcd":
        model = await desk.turn(chat, "hello", "hi")
        assert model.asked == []
    fallback = desk.agent.settings.fallback_text
    assert [await desk.texts(chat) for chat in "abcd"] == [[fallback]] * 4
    reasons = {request.reason for request in await desk.told(HandoffRequested)}
    assert reasons == {f"the model cannot answer: {QUOTA}"}
    assert desk.alarms == [(desk.agent.id, QUOTA)], "the operator is told once"
    assert (await desk.one("select count(*) from reservation"))[0] == 0


async def test_after_a_while_it_is_tried_again(desk: Any) -> None:
    await desk.turn("a", "hello", AccountRefused(QUOTA))
    await desk.one(_LATER)
    await desk.turn("b", "hello", AccountRefused(QUOTA))
    assert len(desk.alarms) == 2
    await desk.one(_LATER)
    await desk.turn("c", "hello", "hi")
    assert await desk.texts("c") == ["hi"]


async def test_a_change_of_the_agent_ends_it(desk: Any) -> None:
    await desk.turn("a", "hello", AccountRefused(QUOTA))
    await desk.change(model="gpt-other")
    await desk.turn("b", "hello", "hi")
    assert await desk.texts("b") == ["hi"]


async def test_agents_that_share_the_account_share_the_refusal_and_no_others(desk: Any) -> None:
    sibling = await another_agent(desk)
    await another_agent(desk, sealed_api_key="s1.k1.own")
    elsewhere = replace(desk.agent.settings, base_url="https://models.example.com/v1")
    await another_agent(desk, settings=elsewhere)
    await desk.turn("a", "hello", AccountRefused(QUOTA))
    assert await refused(desk) == {desk.agent.id, sibling.id}


async def test_a_key_that_was_changed_meanwhile_is_not_blamed(desk: Any) -> None:
    class Slow:
        async def answer(self, request: Any) -> Any:
            changed = replace(desk.agent, sealed_api_key="s1.k1.new")
            async with context_opener(desk.database, Wake(lambda: None))() as context:
                await context.agents.save(changed)
            raise AccountRefused(QUOTA)

    await desk.writes("a", "hello")
    await desk.work(await desk.claim(), Slow())
    assert await refused(desk) == set()


async def test_what_only_one_agent_asks_for_wrongly_blames_no_account(desk: Any) -> None:
    await desk.turn("a", "hello", NeedsOperator("the model does not exist (any more)"))
    assert await refused(desk) == set()
    assert desk.alarms == []
