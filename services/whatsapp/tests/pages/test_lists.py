"""Chats, opt-outs and comparisons page by page, where many are of one second."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.contracts import new_id
from common.db import Sql

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
_SWEEP = Sql("""
    insert into sweep
        (id, tenant_id, integration_id, cause, since, checked, missing, repaired, levels, complete,
         started_at)
    values (:id, :tenant, :number, 'hourly', :at, 0, 0, 0, 0, true, :at)""")
_OPT_OUT = Sql("""
    insert into opt_out (chat_id, tenant_id, integration_id, message_id, word, at)
    values (:id, :tenant, :number, 'wa_1', 'stop', :at)""")
_CHAT = Sql("""
    insert into chat (id, tenant_id, integration_id, reply_to, last_message_at)
    values (:id, :tenant, :number, 'x', :at)""")
_MERGE = Sql("update chat set merged_into = 'cht_other' where id = :id")
_MOVE = Sql("update chat set last_message_at = :at where id = :id")


@dataclass(frozen=True)
class Kind:
    """A list of a tenant's."""

    path: str
    add: Sql
    id: str

    def of(self, us: Any, limit: int = 2) -> str:
        return f"{self.path.format(agent=us.agent)}?limit={limit}"


CHATS = Kind("/api/chats", _CHAT, "id")
KINDS = [
    CHATS,
    Kind("/api/sending/opt-outs", _OPT_OUT, "chat_id"),
    Kind("/api/agents/{agent}/channels/evolution/sweeps", _SWEEP, "id"),
]
each = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.path.rpartition("/")[2])


async def fill(us: Any, kind: Kind, *seconds: int) -> list[str]:
    """Add one per second named; gives their ids."""
    made = [new_id("one") for _ in seconds]
    for id_, second in zip(made, seconds, strict=True):
        await us.write(kind.add, id=id_, at=NOON + timedelta(seconds=second))
    return made


def ids(kind: Kind, pages: list[list[dict[str, Any]]]) -> list[list[str]]:
    return [[one[kind.id] for one in page] for page in pages]


@each
@pytest.mark.parametrize("count", [0, 1, 4, 5])
async def test_the_pages_together_are_the_whole_list_and_the_last_has_no_link(
    desk: Any, kind: Kind, count: int
) -> None:
    us = await desk.caller()
    made = (await fill(us, kind, *range(count)))[::-1]
    wanted = [made[at : at + 2] for at in range(0, count, 2)] or [[]]
    assert ids(kind, await us.pages(kind.of(us))) == wanted


@each
async def test_of_those_of_one_second_none_is_lost_or_shown_twice(desk: Any, kind: Kind) -> None:
    us = await desk.caller()
    early, *made, late = await fill(us, kind, -1, *[0] * 5, 1)
    shown = [one for page in ids(kind, await us.pages(kind.of(us))) for one in page]
    assert shown == [late, *sorted(made, reverse=True), early]


@each
async def test_another_tenants_link_leads_to_nothing_of_theirs(desk: Any, kind: Kind) -> None:
    us, them = await desk.caller(), await desk.caller()
    await fill(us, kind, 0, 1, 2)
    own = await fill(them, kind, 3)
    _, link = await us.page(kind.of(us))
    assert ids(kind, await them.pages(kind.of(them))) == [own]
    assert await them.pages(link.replace(us.agent, them.agent)) == [[]]


@each
@pytest.mark.parametrize("cursor", ["", "7", "%00", "MjAyNi0xMS0yOFQxMjowMDowMCB4"])
async def test_what_is_no_cursor_of_ours_is_refused_by_name(
    desk: Any, kind: Kind, cursor: str
) -> None:
    us = await desk.caller()
    answer = await us.ask(f"{kind.of(us)}&cursor={cursor}")
    assert answer.status_code == 422
    assert "cursor" in answer.json()["detail"]


async def test_chats_of_all_numbers_are_one_list_without_those_that_were_merged(desk: Any) -> None:
    us = await desk.caller()
    one = await fill(us, CHATS, 0, 2, 4, 6)
    await us.connect()
    other = await fill(us, CHATS, 1, 3, 5)
    await us.write(_MERGE, id=one[2])
    assert ids(CHATS, await us.pages(CHATS.of(us, limit=3))) == [
        [one[3], other[2], other[1]],
        [one[1], other[0], one[0]],
    ]


async def test_a_chat_that_moves_while_the_pages_are_turned_is_shown_once_at_most(
    desk: Any,
) -> None:
    us = await desk.caller()
    made = (await fill(us, CHATS, *range(6)))[::-1]
    first, link = await us.page(CHATS.of(us))
    for id_ in (made[1], made[4]):
        await us.write(_MOVE, id=id_, at=NOON + timedelta(minutes=1))
    assert ids(CHATS, [first, *await us.pages(link)]) == [made[:2], made[2:4], made[5:]]
