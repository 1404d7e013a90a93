"""A contact whose data is deleted: no words stay, and who writes again is answered."""

from typing import Any

import pytest

from agent_service.app.contexts import tenant_opener
from agent_service.domain.model import MediaItem, conversation_id
from agent_service.domain.usecases import control
from common.contracts import ChatId, ForgetChat, IntegrationId, Topic, new_id, utc_now
from common.contracts.cloudevents import attributes, decode
from common.errors import NotFound
from common.lanes import LeaseLost

pytestmark = pytest.mark.integration


async def operator(desk: Any, what: Any) -> Any:
    name = conversation_id(desk.agent.tenant, IntegrationId("int_1"), ChatId("cht_1"))
    async with tenant_opener(desk.database, lambda: None)(desk.agent.tenant) as context:
        return await what(context, name)


async def test_a_forgotten_contact_leaves_sums_and_no_words(desk: Any) -> None:
    await desk.turn("cht_1", "my card is 4111", "I did not read that.")
    await desk.turn("cht_2", "hello", "Hi.")
    export = await operator(desk, control.export)
    assert [line.text for line in export["lines"]] == ["my card is 4111", "I did not read that."]

    await operator(desk, control.forget)

    for table in ("line", "run", "run_step", "conversation", "contact_fact", "follow_up"):
        rows = await desk.one(
            f"select coalesce(string_agg(t::text, ' '), '') as all from {table} t"
        )
        assert "4111" not in rows["all"], table
        assert "did not read" not in rows["all"], table
    kept = await desk.one("select chat_id from conversation where known_as like '%+5511988880001%'")
    assert kept["chat_id"] == "cht_2", "nor who it was"
    spent = await desk.one("select sum(input_tokens) as n from run_step")
    assert spent["n"] == 20
    assert await desk.texts("cht_2") == ["Hi."]


async def test_a_forgotten_contact_who_writes_again_is_answered_as_a_new_one(desk: Any) -> None:
    await desk.turn("cht_1", "hello", "Hi.")
    await operator(desk, control.forget)
    with pytest.raises(NotFound):
        await operator(desk, control.forget)

    model = await desk.turn("cht_1", "hello again", "Hi again.")

    assert "hello" not in [item.text for item in model.asked[0].items]
    commands = [command.command_id for command in await desk.sent("cht_1")]
    assert len(set(commands)) == 2, "the sender sends one command once"
    spent = await desk.one("select sum(input_tokens) as n from run_step")
    assert spent["n"] == 20


async def test_who_carries_our_messages_is_told_to_forget_but_the_tenants_own_files(
    desk: Any,
) -> None:
    await desk.turn("cht_1", "hello", "Hi.")
    price_list = MediaItem(
        new_id("med"), desk.agent.tenant, "Prices", "document", "application/pdf", 4,
        f"media/{desk.agent.tenant}/{'f' * 64}", utc_now(),
    )  # fmt: skip
    async with tenant_opener(desk.database, lambda: None)(desk.agent.tenant) as context:
        await context.library.add(price_list)

    await operator(desk, control.forget)

    await desk.sent("cht_1")
    records = desk.bus.records(Topic.WHATSAPP_COMMANDS)
    commands = [decode(attributes(r.headers), r.value).event for r in records]
    [forget] = [command for command in commands if isinstance(command, ForgetChat)]
    assert (forget.chat_id, forget.integration_id) == ("cht_1", "int_1")
    assert forget.keep_files == (price_list.reference,)


async def test_a_run_that_is_under_way_says_nothing_to_a_forgotten_contact(desk: Any) -> None:
    await desk.writes("cht_1", "hello")
    job = await desk.claim()
    model = desk.script("a word too many")

    with pytest.raises(LeaseLost):
        await desk.interrupted(job, model, lambda: operator(desk, control.forget))

    assert await desk.texts("cht_1") == []
    kept = await desk.one(
        "select string_agg(r::text, ' ') || coalesce(string_agg(s::text, ' '), '') as words"
        " from run r left join run_step s on s.run_id = r.id"
    )
    assert "too many" not in (kept["words"] or "")
    await desk.next_worker(desk.script("never said"))
    assert await desk.claim() is None, "its lane is empty"
