"""Agents, tools and files page by page, while the tenant makes and deletes them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from common.db import Sql

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

TOOL = {"description": "Looks.", "method": "GET", "url": "https://shop.example/x", "effect": "read"}
NAMES = ["a", "B", "b2", "c", "_d", "ção", "e e"]
_AT_ONCE = Sql("update agent set created_at = now() where tenant_id = :tenant")


async def an_agent(us: Any, name: str) -> str:
    return str((await us.makes(name=name))["id"])


async def a_tool(us: Any, name: str) -> str:
    answer = await us.ask("POST", "/tools", {**TOOL, "name": name})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def a_file(us: Any, name: str) -> str:
    return str((await us.uploads(name))["id"])


@dataclass(frozen=True)
class Kind:
    """A list of a tenant's."""

    path: str
    make: Callable[[Any, str], Any]
    newest_first: bool = False

    async def fill(self, us: Any, count: int) -> list[str]:
        """Make so many; gives their ids in the order of the list."""
        made = [await self.make(us, f"t{n}") for n in range(count)]
        return made[::-1] if self.newest_first else made


AGENTS = Kind("/agents", an_agent, newest_first=True)
FILES = Kind("/media-library", a_file)
each = pytest.mark.parametrize(
    "kind", [AGENTS, Kind("/tools", a_tool), FILES], ids=lambda kind: kind.path[1:]
)


async def page(us: Any, link: str) -> tuple[list[str], str]:
    """The ids on a page, and where the next one is; nowhere behind the last."""
    answer = await us.ask("GET", link)
    assert answer.status_code == 200, answer.text
    there = answer.links.get("next", {}).get("url", "")
    return [one["id"] for one in answer.json()], there.removeprefix("/api")


async def pages(us: Any, link: str) -> list[list[str]]:
    """All pages from one on."""
    found = []
    while link:
        ids, link = await page(us, link)
        found.append(ids)
    return found


@each
@pytest.mark.parametrize("count", [0, 1, 4, 5])
async def test_the_pages_together_are_the_whole_list_and_the_last_has_no_link(
    office: Any, kind: Kind, count: int
) -> None:
    us = office.caller()
    made = await kind.fill(us, count)
    wanted = [made[at : at + 2] for at in range(0, count, 2)] or [[]]
    assert await pages(us, f"{kind.path}?limit=2") == wanted


@each
async def test_what_comes_or_goes_while_the_pages_are_turned_moves_no_other(
    office: Any, kind: Kind
) -> None:
    us = office.caller()
    made = await kind.fill(us, 6)
    first, link = await page(us, f"{kind.path}?limit=2")
    for gone in (made[1], made[3]):
        assert (await us.ask("DELETE", f"{kind.path}/{gone}")).status_code == 204
    await kind.make(us, "a_new_one")
    assert (first, await pages(us, link)) == (made[:2], [[made[2], made[4]], made[5:]])


async def test_of_agents_of_one_moment_none_is_lost_or_shown_twice(office: Any) -> None:
    us = office.caller()
    made = await AGENTS.fill(us, 7)
    await office.database.execute(_AT_ONCE, {"tenant": us.tenant})
    shown = [one for ids in await pages(us, "/agents?limit=3") for one in ids]
    assert shown == sorted(made, reverse=True)


async def test_names_of_any_letters_are_turned_in_the_order_of_the_whole_list(office: Any) -> None:
    us = office.caller()
    for name in NAMES:
        await a_file(us, name)
    [whole] = await pages(us, "/media-library")
    assert len(whole) == len(NAMES)
    assert [one for ids in await pages(us, "/media-library?limit=1") for one in ids] == whole


@each
async def test_another_tenants_link_leads_to_nothing_of_theirs(office: Any, kind: Kind) -> None:
    us, them = office.caller(), office.caller()
    await kind.fill(us, 3)
    _, link = await page(us, f"{kind.path}?limit=2")
    own = await kind.fill(them, 1)
    assert await pages(them, kind.path) == [own]
    behind = await pages(them, link)
    assert set(behind[0]) <= set(own)


@each
@pytest.mark.parametrize("cursor", ["%00", "é", "a b", "QQ==", "x" * 2001])
async def test_what_is_no_cursor_of_ours_is_refused_by_name(
    office: Any, kind: Kind, cursor: str
) -> None:
    us = office.caller()
    answer = await us.ask("GET", f"{kind.path}?cursor={cursor}")
    assert answer.status_code == 422
    assert "cursor" in answer.text
