"""The list of conversations, page by page, while customers go on writing."""

from base64 import urlsafe_b64encode
from typing import Any

import pytest

from common.contracts import ConversationId
from common.db import Sql

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

FIRST = "/conversations?limit=2"
_MOVE = Sql("update conversation set updated_at = now() where id = any(cast(:ids as text[]))")


async def talks(us: Any, count: int) -> list[ConversationId]:
    """Make conversations; gives them the newest first."""
    made = await us.makes()
    return [await us.hears(made["id"], "hello") for _ in range(count)][::-1]


async def page(us: Any, link: str) -> tuple[list[str], str]:
    """The ids on a page, and where the next one is; nowhere behind the last."""
    answer = await us.ask("GET", link)
    assert answer.status_code == 200, answer.text
    there = answer.links.get("next", {}).get("url", "")
    return [one["id"] for one in answer.json()], there.removeprefix("/api")


async def pages(us: Any, link: str = FIRST) -> list[list[str]]:
    """All pages from one on."""
    found = []
    while link:
        ids, link = await page(us, link)
        found.append(ids)
    return found


@pytest.mark.parametrize("count", [0, 1, 4, 5])
async def test_the_pages_together_are_the_whole_list_and_the_last_has_no_link(
    office: Any, count: int
) -> None:
    us = office.caller()
    ids = await talks(us, count)
    assert await pages(us) == ([ids[at : at + 2] for at in range(0, count, 2)] or [[]])


async def test_of_those_that_moved_in_one_moment_none_is_lost_or_shown_twice(office: Any) -> None:
    us = office.caller()
    ids = await talks(us, 7)
    await office.database.execute(_MOVE, {"ids": ids})
    shown = [one for ids in await pages(us) for one in ids]
    assert shown == sorted(ids, reverse=True)


async def test_what_moves_while_the_pages_are_turned_is_shown_once_at_most(office: Any) -> None:
    us = office.caller()
    ids = await talks(us, 6)
    first, link = await page(us, FIRST)
    await office.database.execute(_MOVE, {"ids": [ids[1], ids[4]]})
    [new] = await talks(us, 1)

    assert (first, await pages(us, link)) == (ids[:2], [ids[2:4], ids[5:]])
    assert (await page(us, FIRST))[0][0] == new


async def test_a_state_is_listed_page_by_page_too(office: Any) -> None:
    us = office.caller()
    ids = await talks(us, 5)
    for one in ids[::-2]:
        await us.ask("POST", f"/conversations/{one}/take-over")
    assert await pages(us, f"{FIRST}&state=human") == [[ids[0], ids[2]], [ids[4]]]
    assert await pages(us, f"{FIRST}&state=bot") == [[ids[1], ids[3]]]


async def test_another_tenants_link_leads_to_nothing_of_theirs(office: Any) -> None:
    us, them = office.caller(), office.caller()
    await talks(us, 3)
    _, link = await page(us, FIRST)
    ids = await talks(them, 1)
    assert await pages(them, link) == [[]]
    assert await pages(them) == [ids]


def _written(plain: str) -> str:
    return urlsafe_b64encode(plain.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "7",
        "cnv_1",
        "%00",
        "é",
        "a b",
        _written("yesterday cnv_1"),
        _written("2026-11-30T12:00:00 cnv_1"),
        _written("2026-11-30T12:00:00+01:00 cnv_1"),
        _written("0001-01-01T00:00:00+23:59 cnv_1"),
        _written("2026-11-30T12:00:00+00:00 cnv\0"),
        _written("2026-11-30T12:00:00+00:00 cnv_1") + "=",
        "x" * 501,
    ],
)
async def test_what_is_no_cursor_of_ours_is_refused_by_name(office: Any, cursor: str) -> None:
    us = office.caller()
    answer = await us.ask("GET", f"/conversations?cursor={cursor}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert "cursor" in answer.text
