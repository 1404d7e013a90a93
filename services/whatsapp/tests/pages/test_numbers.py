"""A tenant's numbers page by page, where many changed in one moment."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.db import Sql

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
NUMBERS = "/api/integrations/whatsapp?limit=2"
_CHANGE = Sql("update integration set updated_at = :at where id = :id")


async def numbers(us: Any, *seconds: int) -> list[str]:
    """Give the tenant's numbers these times of their last change, making what is missing."""
    made = [us.number]
    for _ in seconds[1:]:
        await us.connect()
        made.append(us.number)
    for id_, second in zip(made, seconds, strict=True):
        await change(us, id_, second)
    return made


async def change(us: Any, id_: str, second: int) -> None:
    await us.write(_CHANGE, id=id_, at=NOON + timedelta(seconds=second))


async def pages(us: Any, link: str = NUMBERS) -> list[list[str]]:
    return [[one["integration_id"] for one in page] for page in await us.pages(link)]


@pytest.mark.parametrize("count", [1, 4, 5])
async def test_the_pages_together_are_the_whole_list_and_the_last_has_no_link(
    desk: Any, count: int
) -> None:
    us = await desk.caller()
    made = (await numbers(us, *range(count)))[::-1]
    assert await pages(us) == [made[at : at + 2] for at in range(0, count, 2)]


async def test_of_those_of_one_moment_none_is_lost_or_shown_twice(desk: Any) -> None:
    us = await desk.caller()
    early, *made, late = await numbers(us, -1, *[0] * 5, 1)
    shown = [one for page in await pages(us) for one in page]
    assert shown == [late, *sorted(made, reverse=True), early]


async def test_one_that_changes_while_the_pages_are_turned_is_shown_once_at_most(desk: Any) -> None:
    us = await desk.caller()
    made = (await numbers(us, *range(6)))[::-1]
    first, link = await us.page(NUMBERS)
    for id_ in (made[1], made[4]):
        await change(us, id_, 60)
    assert [one["integration_id"] for one in first] == made[:2]
    assert await pages(us, link) == [made[2:4], made[5:]]


async def test_another_tenants_link_leads_to_nothing_of_theirs(desk: Any) -> None:
    us, them = await desk.caller(), await desk.caller()
    await numbers(us, 0, 1, 2)
    own = await numbers(them, 3)
    _, link = await us.page(NUMBERS)
    assert (await pages(them), await pages(them, link)) == ([own], [[]])


@pytest.mark.parametrize("cursor", ["", "7", "%00", "MjAyNi0xMS0yOFQxMjowMDowMCB4"])
async def test_what_is_no_cursor_of_ours_is_refused_by_name(desk: Any, cursor: str) -> None:
    us = await desk.caller()
    answer = await us.ask(f"{NUMBERS}&cursor={cursor}")
    assert answer.status_code == 422
    assert "cursor" in answer.json()["detail"]
