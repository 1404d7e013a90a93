"""A conversation in detail: its older lines and runs page by page, and of its facts the newest."""

from typing import Any

import pytest

from agent_service.app.contexts import tenant_opener
from agent_service.domain.model import Fact
from common.contracts import ChatId, ConversationId, new_id
from common.db import Sql

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

_RUN = Sql("""
    insert into run
        (id, tenant_id, conversation_id, turn_id, upto_seq, outcome, answer, model, input_tokens,
         cached_tokens, output_tokens, created_at)
    values (:id, :tenant, :conversation, :id, :upto, 'sent', '', '', 0, 0, 0,
            now() + cast(:upto as bigint) * interval '1 second')""")


async def talk(us: Any, lines: int) -> ConversationId:
    """A conversation of so many lines, each of which was answered by a run."""
    name: ConversationId = await us.hears((await us.makes())["id"], *(f"{n}" for n in range(lines)))
    for seq in range(1, lines + 1):
        values = {"id": new_id("run"), "tenant": us.tenant, "conversation": name, "upto": seq}
        await us.office.database.execute(_RUN, values)
    return name


async def page(us: Any, link: str) -> tuple[dict[str, Any], str]:
    """A page, and where the next one is; nowhere behind the last."""
    answer = await us.ask("GET", link)
    assert answer.status_code == 200, answer.text
    there = answer.links.get("next", {}).get("url", "")
    return answer.json(), there.removeprefix("/api")


@pytest.mark.parametrize("count", [1, 2, 4, 5])
async def test_the_pages_together_are_all_lines_and_runs_and_the_last_has_no_link(
    office: Any, count: int
) -> None:
    us = office.caller()
    link = f"/conversations/{await talk(us, count)}?limit=2"
    whole, _ = await page(us, link.replace("=2", "=200"))
    lines: list[Any] = []
    runs: list[Any] = []
    turned = 0
    while link:
        shown, link = await page(us, link)
        lines, runs, turned = shown["lines"] + lines, runs + shown["runs"], turned + 1
    assert (lines, runs, turned) == (whole["lines"], whole["runs"], (count + 1) // 2)
    assert (len(lines), len(runs)) == (count, count)


async def test_lines_that_come_while_the_pages_are_turned_move_no_other(office: Any) -> None:
    us = office.caller()
    name = await talk(us, 4)
    _, link = await page(us, f"/conversations/{name}?limit=2")
    said = await us.ask("POST", f"/conversations/{name}/reply", {"text": "Rui here."})
    assert said.status_code == 202
    shown, link = await page(us, link)
    assert ([line["text"] for line in shown["lines"]], link) == (["0", "1"], "")


@pytest.mark.parametrize("before", ["0", "-1", "x", f"{10**30}"])
async def test_what_is_no_line_is_refused_by_name(office: Any, before: str) -> None:
    us = office.caller()
    name = await talk(us, 1)
    answer = await us.ask("GET", f"/conversations/{name}?before={before}")
    assert answer.status_code == 422
    assert "query.before" in answer.text
    nothing, _ = await page(us, f"/conversations/{name}?before=1")
    assert (nothing["lines"], nothing["runs"]) == ([], [])


async def test_of_many_facts_the_newest_are_shown_and_an_export_has_all(office: Any) -> None:
    us = office.caller()
    name = await talk(us, 1)
    opened = tenant_opener(office.database, lambda: None)
    async with opened(us.tenant) as context:
        for n in range(250):
            await context.facts.keep(us.tenant, ChatId("cht_1"), Fact("fact", f"{n:03}", "old"))
    async with opened(us.tenant) as context:
        for kind, fact in (("note", "key"), ("fact", "249"), ("fact", "zip")):
            await context.facts.keep(us.tenant, ChatId("cht_1"), Fact(kind, fact, "new"))
    shown, _ = await page(us, f"/conversations/{name}?limit=1")
    export, _ = await page(us, f"/conversations/{name}/export")
    assert [fact["name"] for fact in shown["facts"]] == [f"{n:03}" for n in range(197)] + [
        "249",
        "zip",
        "",
    ]
    assert len(export["facts"]) == 252
