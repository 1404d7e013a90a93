"""A chat's messages page by page, where many are of one second and some still wait to be sent."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.contracts import new_id
from common.db import Sql

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
_CHAT = Sql("""
    insert into chat (id, tenant_id, integration_id, reply_to, last_message_at)
    values (:chat, :tenant, :number, 'x', :at)""")
_WRITTEN = Sql("""
    insert into whatsapp_message
        (integration_id, message_id, tenant_id, chat_id, outgoing, kind, text, content, sent_at,
         stored_at)
    values (:number, :id, :tenant, :chat, false, 'text', '', '{}', :at, :stored_at)""")
_WAITING = Sql("""
    insert into outbound
        (command_id, tenant_id, integration_id, chat_id, text, typing_ms, state, created_at)
    values (:id, :tenant, :number, :chat, '', 0, 'queued', :at)""")
_SENT = Sql("update outbound set message_id = 'wa_' || command_id where chat_id = :chat")


async def chat(us: Any) -> str:
    made = new_id("cht")
    await us.write(_CHAT, chat=made, at=NOON)
    return f"/api/chats/{made}/messages?limit=2"


async def written(us: Any, path: str, id_: str, seconds: float = 0, stored: float = 0) -> None:
    at, stored_at = NOON + timedelta(seconds=seconds), NOON + timedelta(seconds=stored)
    await us.write(_WRITTEN, chat=path.split("/")[3], id=id_, at=at, stored_at=stored_at)


async def waiting(us: Any, path: str, id_: str, seconds: float = 0) -> None:
    at = NOON + timedelta(seconds=seconds)
    await us.write(_WAITING, chat=path.split("/")[3], id=id_, at=at)


def ids(pages: list[list[dict[str, Any]]]) -> list[list[str]]:
    return [[one["message_id"] or one["command_id"] for one in page] for page in pages]


@pytest.mark.parametrize("count", [0, 1, 4, 5])
async def test_the_pages_together_are_the_whole_chat_and_the_last_has_no_link(
    desk: Any, count: int
) -> None:
    us = await desk.caller()
    path = await chat(us)
    for n in range(count):
        await written(us, path, f"{n}", seconds=n)
    newest = [f"{n}" for n in reversed(range(count))]
    wanted = [newest[at : at + 2] for at in range(0, count, 2)] or [[]]
    assert ids(await us.pages(path)) == wanted


async def test_of_the_messages_of_one_second_none_is_lost_or_shown_twice(desk: Any) -> None:
    us = await desk.caller()
    path = await chat(us)
    for id_ in ("b", "A", "_", "é", "a"):
        await written(us, path, id_)
    await written(us, path, "first", stored=-1)
    await written(us, path, "last", stored=1)
    wanted = [["last", "é"], ["b", "a"], ["_", "A"], ["first"]]
    assert ids(await us.pages(path)) == wanted


async def test_what_waits_to_be_sent_is_among_them_by_the_time_it_was_asked_for(desk: Any) -> None:
    us = await desk.caller()
    path = await chat(us)
    prefix = new_id("cmd")
    for n, second in enumerate((-5, -5, -5, 0, 0, 3)):
        await waiting(us, path, f"{prefix}{n}", seconds=second)
    for n in range(3):
        await written(us, path, f"wa_{n}", seconds=n)
    shown = [one.removeprefix(prefix) for page in ids(await us.pages(path)) for one in page]
    assert shown == ["5", "wa_2", "wa_1", "wa_0", "4", "3", "2", "1", "0"]


async def test_what_comes_or_goes_while_the_pages_are_turned_moves_no_other(desk: Any) -> None:
    us = await desk.caller()
    path = await chat(us)
    for n in range(5):
        await written(us, path, f"{n}")
    await waiting(us, path, new_id("cmd"), seconds=1)
    first, link = await us.page(path)
    await us.write(_SENT, chat=path.split("/")[3])
    await written(us, path, "new", stored=9)
    [shown] = ids([first])
    assert shown[1:] == ["4"]
    assert ids(await us.pages(link)) == [["3", "2"], ["1", "0"]]


async def test_before_is_what_it_was_and_its_pages_go_on_below_it(desk: Any) -> None:
    us = await desk.caller()
    path = await chat(us)
    for n in range(5):
        await written(us, path, f"{n}", seconds=n)
    await waiting(us, path, waits := new_id("cmd"), seconds=3)
    before = (NOON + timedelta(seconds=3)).isoformat().replace("+00:00", "Z")
    assert ids(await us.pages(f"{path}&before={before}")) == [["2", "1"], ["0"]]
    later = before.replace("03Z", "03.000001Z")
    assert ids(await us.pages(f"{path}&before={later}")) == [[waits, "3"], ["2", "1"], ["0"]]


async def test_another_tenants_link_leads_to_no_chat_of_theirs(desk: Any) -> None:
    us, them = await desk.caller(), await desk.caller()
    path = await chat(us)
    for n in range(3):
        await written(us, path, f"{n}")
    _, link = await us.page(path)
    assert (await them.ask(link)).status_code == 404


@pytest.mark.parametrize("cursor", ["", "7", "%00", "MjAyNi0xMS0yOFQxMjowMDowMCswMDowMCB4"])
async def test_what_is_no_cursor_of_ours_is_refused_by_name(desk: Any, cursor: str) -> None:
    us = await desk.caller()
    answer = await us.ask(f"{await chat(us)}&cursor={cursor}")
    assert answer.status_code == 422
    assert "cursor" in answer.json()["detail"]


@pytest.mark.parametrize("before", ["0001-01-01T00:00:00%2B01:00", "9999-12-31T23:59:59-01:00"])
async def test_a_time_that_utc_has_not_is_refused_by_name(desk: Any, before: str) -> None:
    us = await desk.caller()
    answer = await us.ask(f"{await chat(us)}&before={before}")
    assert answer.status_code == 422, answer.text
    assert "query.before" in answer.text
