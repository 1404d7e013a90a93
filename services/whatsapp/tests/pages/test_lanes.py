"""Lanes page by page: the held ones first, then those that are due first."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.contracts import new_id
from common.db import Sql

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
LANES = "/api/lanes?limit=2"
_LANE = Sql("""
    insert into lane (queue, key, tenant_id, next_seq, head_seq, pending, due_at, held_reason)
    values (:queue, :id, :tenant, 2, 1, 1, :at, :held)""")
_JOB = Sql("""
    insert into lane_job (queue, lane_key, seq, tenant_id, command_id, payload, state)
    values (:queue, :id, 1, :tenant, :id, '', 'queued')""")
_TRY = Sql("update lane set due_at = :at where key = :id")
_EMPTY = Sql("update lane set pending = 0 where key = :id")


async def lane(us: Any, second: int = 0, *, held: str | None = None, queue: str = "sends") -> str:
    """Let something wait until then; gives the lane's key."""
    key, at = f"{us.tenant}:{new_id('cht')}", NOON + timedelta(seconds=second)
    await us.write(_LANE, id=key, at=at, held=held, queue=queue)
    await us.database.execute(_JOB, {"id": key, "tenant": us.tenant, "queue": queue})
    return key


def keys(pages: list[list[dict[str, Any]]]) -> list[list[str]]:
    return [[one["key"] for one in page] for page in pages]


@pytest.mark.parametrize("count", [0, 1, 4, 5])
async def test_the_pages_together_are_the_whole_list_and_the_last_has_no_link(
    desk: Any, count: int
) -> None:
    us = await desk.caller()
    made = [await lane(us, n) for n in range(count)]
    wanted = [made[at : at + 2] for at in range(0, count, 2)] or [[]]
    assert keys(await us.pages(LANES)) == wanted


async def test_the_held_ones_come_first_and_what_is_done_not_at_all(desk: Any) -> None:
    us = await desk.caller()
    waiting = [await lane(us, n) for n in (0, 1, 2)]
    held = [await lane(us, n, held="no licence") for n in (1, 3, 9)]
    await us.database.execute(_EMPTY, {"id": await lane(us, 5)})
    pages = await us.pages(LANES)
    assert keys(pages) == [held[:2], [held[2], waiting[0]], waiting[1:]]
    assert [one["command_id"] for page in pages for one in page] == held + waiting


async def test_of_those_due_in_one_moment_none_is_lost_or_shown_twice(desk: Any) -> None:
    us = await desk.caller()
    made = [(queue, await lane(us, queue=queue)) for queue in ("media", "sends") * 3]
    shown = [(one["queue"], one["key"]) for page in await us.pages(LANES) for one in page]
    assert shown == sorted(made)


async def test_one_that_is_tried_while_the_pages_are_turned_is_not_lost(desk: Any) -> None:
    us = await desk.caller()
    made = [await lane(us, n) for n in range(5)]
    first, link = await us.page(LANES)
    await us.database.execute(_TRY, {"id": made[2], "at": NOON + timedelta(minutes=1)})
    shown = [*keys([first]), *keys(await us.pages(link))]
    assert shown == [made[:2], made[3:], [made[2]]]


async def test_another_tenants_link_leads_to_nothing_of_theirs(desk: Any) -> None:
    us, them = await desk.caller(), await desk.caller()
    for n in range(3):
        await lane(us, n)
    early, late = await lane(them, 0), await lane(them, 9)
    _, link = await us.page(LANES)
    assert keys(await them.pages(LANES)) == [[early, late]]
    assert keys(await them.pages(link)) == [[late]]


@pytest.mark.parametrize("cursor", ["", "7", "%00", "aGVsZCAyMDI2LTExLTI4VDEyOjAwOjAwIHNlbmRzIGs"])
async def test_what_is_no_cursor_of_ours_is_refused_by_name(desk: Any, cursor: str) -> None:
    us = await desk.caller()
    answer = await us.ask(f"{LANES}&cursor={cursor}")
    assert answer.status_code == 422
    assert "cursor" in answer.json()["detail"]
