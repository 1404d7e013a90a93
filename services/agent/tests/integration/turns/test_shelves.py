"""Follow-ups, files, notes and opening hours: what our own tools do, once, for the right person."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from agent_service.app.contexts import Wake, context_opener, tenant_opener
from agent_service.domain.model import MediaItem, State
from agent_service.domain.usecases import control
from agent_service.domain.usecases.follow_up import say_follow_up
from agent_service.jobs import JobLease
from agent_service.providers.tools import BUILT_IN
from agent_service.repository import CHORES
from common.contracts import (
    CancelMessages,
    ConversationId,
    MediaMessage,
    SendMessage,
    TenantId,
    Topic,
    new_id,
    utc_now,
)
from common.contracts.cloudevents import attributes, decode
from common.db import Sql
from common.lanes import claim

pytestmark = pytest.mark.integration

_DUE = Sql("""
    update lane set due_at = now() - interval '1 second' where queue = 'chores' and pending > 0
    returning key""")
_STATE = "select state from follow_up"
TOOLS = ("schedule_follow_up", "send_media", "list_media", "add_note", "business_hours")


@pytest.fixture
async def shop(desk: Any) -> Any:
    desk.tools = list(BUILT_IN)
    await desk.change(tools=TOOLS, time_zone="America/Sao_Paulo")
    return desk


def later(hours: float, *, cancel: bool = True, text: str = "Still interested?") -> list[Any]:
    at = (utc_now() + timedelta(hours=hours)).astimezone(ZoneInfo("America/Sao_Paulo"))
    arguments = {
        "at": at.strftime("%Y-%m-%dT%H:%M"),
        "text": text,
        "cancel_if_customer_writes": cancel,
    }
    return [("schedule_follow_up", orjson.dumps(arguments).decode())]


async def due(desk: Any) -> None:
    """Let every follow-up's time come, and do what is due."""
    await desk.database.execute(_DUE)
    for job in await claim(desk.database, CHORES, 10):
        opener = context_opener(desk.database, Wake(lambda: None))
        what = orjson.loads(job.payload)
        conversation = ConversationId(what["conversation"])
        lease = JobLease(CHORES, job)
        await say_follow_up(opener, conversation, what["follow_up"], lease.finish)


async def test_a_follow_up_is_said_at_its_time_once_and_joins_the_conversation(shop: Any) -> None:
    await shop.turn("c", "I will think about it", later(2), "Fine!")
    assert await claim(shop.database, CHORES, 1) == [], "its time has not come"
    row = await shop.one("select due_at - now() as left from follow_up")
    assert timedelta(hours=1, minutes=58) < row["left"] <= timedelta(hours=2)
    await due(shop)
    await due(shop)
    assert await shop.texts("c") == ["Fine!", "Still interested?"]
    line = await shop.one("select role, text from line order by seq desc limit 1")
    assert tuple(line) == ("agent", "Still interested?")


@pytest.mark.parametrize("cancel", [True, False])
async def test_it_is_dropped_once_the_customer_writes_if_that_was_said(
    shop: Any, cancel: bool
) -> None:
    await shop.turn("c", "I will think about it", later(2, cancel=cancel), "Fine!")
    await shop.turn("c", "I'll take it", "Great!")
    await due(shop)
    said = ["Fine!", "Great!", *([] if cancel else ["Still interested?"])]
    assert await shop.texts("c") == said
    assert (await shop.one(_STATE))["state"] == ("cancelled" if cancel else "said")


async def test_it_is_not_said_while_a_person_has_the_conversation(shop: Any) -> None:
    await shop.turn("c", "I will think about it", later(2), "Fine!")
    row = await shop.one("select id from conversation")
    async with context_opener(shop.database, Wake(lambda: None))() as context:
        await context.conversations.change_state(ConversationId(row["id"]), State.HUMAN)
    await due(shop)
    assert await shop.texts("c") == ["Fine!"]
    assert (await shop.one(_STATE))["state"] == "cancelled"


async def test_one_that_has_not_left_yet_is_taken_back_when_a_person_takes_over(shop: Any) -> None:
    await shop.turn("c", "I will think about it", later(2), "Fine!")
    await due(shop)
    row = await shop.one("select c.id, f.id as said from conversation c, follow_up f")
    async with tenant_opener(shop.database, lambda: None)(shop.agent.tenant) as context:
        await control.take_over(context, ConversationId(row["id"]), "Bea")
    await shop.published()
    records = shop.bus.records(Topic.WHATSAPP_COMMANDS)
    commands = [decode(attributes(r.headers), r.value).event for r in records]
    [cancelled] = [one for one in commands if isinstance(one, CancelMessages)]
    sent = [one.command_id for one in commands if isinstance(one, SendMessage)]
    assert row["said"] in sent
    assert sorted(cancelled.command_ids) == sorted(sent)


async def test_what_is_to_be_said_later_is_shown_with_the_conversation(shop: Any) -> None:
    await shop.turn("c", "I will think about it", later(2), "Fine!")
    row = await shop.one("select id from conversation")
    async with tenant_opener(shop.database, lambda: None)(shop.agent.tenant) as context:
        [shown] = (await control.export(context, ConversationId(row["id"])))["follow_ups"]
    assert (shown["text"], shown["state"]) == ("Still interested?", "waiting")


async def test_it_waits_for_the_opening_when_it_falls_due_while_closed(shop: Any) -> None:
    await shop.turn("c", "I will think about it", later(2), "Fine!")
    tomorrow = (utc_now() + timedelta(days=2)).strftime("%a").lower()
    await shop.change(business_hours=(f"{tomorrow} 09:00-10:00",))
    await due(shop)
    assert await shop.texts("c") == ["Fine!"]
    row = await shop.one("select due_at - now() as left from follow_up where state = 'waiting'")
    assert row["left"] > timedelta(hours=20)
    assert await claim(shop.database, CHORES, 1) == [], "its new time has not come"

    await shop.change(business_hours=())
    await due(shop)
    assert await shop.texts("c") == ["Fine!", "Still interested?"]


async def test_a_model_that_schedules_into_the_night_is_told_the_time_of_the_opening(
    shop: Any,
) -> None:
    tomorrow = utc_now().astimezone(ZoneInfo("America/Sao_Paulo")) + timedelta(days=2)
    await shop.change(business_hours=(f"{tomorrow:%a} 09:00-10:00",))
    model = await shop.turn("c", "later", later(2), "Fine!")
    assert f"{tomorrow:%Y-%m-%d} at 09:00" in model.outputs[0]


async def test_it_is_not_said_to_a_contact_who_is_ignored_by_now(shop: Any) -> None:
    await shop.turn("c", "I will think about it", later(2), "Fine!")
    await shop.change(ignored_contacts=("+5511988880001",))
    await due(shop)
    assert await shop.texts("c") == ["Fine!"]
    assert (await shop.one(_STATE))["state"] == "cancelled"


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (later(-1), "between a minute and 60 days"),
        (later(24 * 61), "between a minute and 60 days"),
        (later(1, text=f"Your id is {new_id('cnv')}"), "the text would show a key or an internal"),
        (
            [
                (
                    "schedule_follow_up",
                    '{"at": "soon", "text": "x", "cancel_if_customer_writes": true}',
                )
            ],
            "`at` must be like",
        ),
    ],
)
async def test_what_cannot_be_scheduled_is_told_to_the_model(
    shop: Any, call: list[Any], told: str
) -> None:
    model = await shop.turn("c", "later", call, "Sorry.")
    assert told in model.outputs[0]
    assert await shop.one(_STATE) is None


async def test_no_more_than_five_wait_in_one_conversation(shop: Any) -> None:
    calls = [later(n + 1) for n in range(6)]
    model = await shop.turn("c", "later", *calls, "Done.")
    assert "there are 5 follow-ups waiting already" in model.outputs[-1]
    assert (await shop.one("select count(*) from follow_up"))[0] == 5


async def a_file(desk: Any, name: str, tenant: TenantId) -> MediaItem:
    item = MediaItem(
        new_id("med"),
        tenant,
        name,
        "document",
        "application/pdf",
        10,
        f"media/{tenant}/x",
        utc_now(),
    )
    async with tenant_opener(desk.database, lambda: None)(tenant) as context:
        return await context.library.add(item)


async def test_a_file_of_the_library_is_sent_and_no_other_tenants(shop: Any) -> None:
    await a_file(shop, "Prices.pdf", shop.agent.tenant)
    await a_file(shop, "secret.pdf", TenantId("ten_other"))
    listed = await shop.turn("a", "what do you have?", [("list_media", "{}")], "Prices.")
    assert "Files: Prices.pdf (document)." in listed.outputs[0]
    send = [("send_media", '{"name": "prices.PDF", "caption": "Here."}')]
    await shop.turn("b", "prices?", send, "Sent.")
    first, second = await shop.sent("b")
    assert isinstance(first.content, MediaMessage)
    assert first.content.file.reference == f"media/{shop.agent.tenant}/x"
    assert (first.content.kind, first.content.caption) == ("document", "Here.")
    assert second.content.text == "Sent."

    foreign = [("send_media", '{"name": "secret.pdf", "caption": null}')]
    model = await shop.turn("c", "the secret", foreign, "There is none.")
    assert "there is no such file. Files: Prices.pdf" in model.outputs[0]
    assert len(await shop.sent("c")) == 1


async def test_a_note_is_for_the_team_and_no_model_reads_it(shop: Any) -> None:
    await shop.turn("c", "hello", [("add_note", '{"text": "is in a hurry"}')], "Hello!")
    model = await shop.turn("c", "again", "Yes?")
    items = [getattr(item, "text", "") for item in model.asked[0].items]
    known = [text for text in items if "known about the customer" in text]
    assert known == []
    row = await shop.one("select kind, value from contact_fact")
    assert tuple(row) == ("note", "is in a hurry")


async def test_the_opening_hours_are_told_with_the_next_change(shop: Any) -> None:
    hours = [("business_hours", "{}")]
    model = await shop.turn("c", "open?", hours, "Always.")
    assert "No opening hours are set" in model.outputs[0]
    await shop.change(business_hours=("mon-sun 00:00-00:00",), holidays=("2026-12-25",))
    model = await shop.turn("d", "open?", hours, "Yes.")
    assert "Now open." in model.outputs[0]
    assert "Closed on 2026-12-25." in model.outputs[0]
