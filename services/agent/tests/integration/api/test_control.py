"""What a team does with conversations over HTTP."""

from typing import Any

import pytest

from agent_service.app.contexts import tenant_opener
from agent_service.domain.model import Fact
from common.contracts import ChatId, SendMessage, new_id
from common.db import Sql

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

_COMMANDS = Sql("select value from outbox where topic = 'whatsapp.commands.v1' order by seq")

_OPEN = Sql("""
    select count(*) from conversation c
    join lane_job j on j.queue = 'turns' and j.command_id = c.turn_id and j.state = 'queued'
    where c.id = :id""")


async def commands(office: Any, chat_of: str) -> list[SendMessage]:
    rows = await office.database.execute(_COMMANDS)
    found = [SendMessage.from_json(value) for value in rows.scalars() if b"content" in value]
    return [one for one in found if one.integration_id == chat_of]


async def test_a_person_takes_over_answers_and_hands_back(office: Any) -> None:
    us = office.caller()
    name = await us.hears((await us.makes())["id"], "hello?")

    taken = await us.ask("POST", f"/conversations/{name}/take-over")
    assert (taken.status_code, taken.json()["state"]) == (200, "human")
    assert taken.json()["human_until"] is not None

    said = await us.ask("POST", f"/conversations/{name}/reply", {"text": "Rui here."})
    assert said.status_code == 202
    [command] = await commands(office, taken.json()["integration_id"])
    assert (command.content.kind, command.content.model_dump()["text"]) == ("text", "Rui here.")

    shown = (await us.ask("GET", f"/conversations/{name}")).json()
    assert [(line["role"], line["text"]) for line in shown["lines"]] == [
        ("customer", "hello?"),
        ("human", "Rui here."),
    ]
    [listed] = (await us.ask("GET", "/conversations?state=human")).json()
    assert (listed["id"], listed["known_as"]) == (name, ["+5511988880001"])
    assert listed["updated_at"] < listed["human_until"]
    assert (await us.ask("GET", "/conversations?state=bot")).json() == []

    back = await us.ask("POST", f"/conversations/{name}/hand-back")
    assert (back.json()["state"], back.json()["human_until"]) == ("bot", None)
    closed = await us.ask("POST", f"/conversations/{name}/close")
    assert closed.json()["state"] == "closed"


async def test_words_that_are_none_are_refused_and_change_nothing(office: Any) -> None:
    us = office.caller()
    name = await us.hears((await us.makes())["id"], "hello?")
    for body in ({"text": ""}, {"text": "  "}, {"text": "x" * 5000}, {"text": "a\0b"}, {}):
        answer = await us.ask("POST", f"/conversations/{name}/reply", body)
        assert answer.status_code == 422, body
        assert answer.headers["content-type"] == "application/problem+json"
    blank = await us.ask("POST", f"/conversations/{name}/reply", {"text": " "})
    assert blank.json()["errors"] == [
        {"field": "body.text", "message": "Input should not be blank"}
    ]
    assert (await us.ask("GET", f"/conversations/{name}")).json()["state"] == "bot"


async def test_a_key_that_has_said_something_else_is_refused_and_changes_nothing(
    office: Any,
) -> None:
    us = office.caller()
    name = await us.hears((await us.makes())["id"], "hello?")
    path = f"/conversations/{name}/reply"
    for text, status in (("Rui here.", 202), ("Rui here.", 202), ("Somebody else.", 409)):
        answer = await us.ask("POST", path, {"text": text}, {"idempotency-key": "k1"})
        assert answer.status_code == status, answer.text
    assert answer.json()["code"] == "conflict"
    shown = (await us.ask("GET", f"/conversations/{name}")).json()
    assert [line["text"] for line in shown["lines"]] == ["hello?", "Rui here."]
    said = await us.ask("POST", path, {"text": "Somebody else."}, {"idempotency-key": "k2"})
    assert said.status_code == 202


async def test_what_waits_is_answered_when_it_is_handed_back(office: Any) -> None:
    us = office.caller()
    name = await us.hears((await us.makes())["id"], "hello?")
    await us.ask("POST", f"/conversations/{name}/take-over")
    assert (await us.ask("POST", f"/conversations/{name}/hand-back")).json()["state"] == "bot"
    rows = await office.database.execute(_OPEN, {"id": name})
    assert rows.scalar() == 1


async def test_an_export_holds_everything_and_a_deletion_leaves_nothing(office: Any) -> None:
    us = office.caller()
    name = await us.hears((await us.makes())["id"], "my name is Ana")
    export = (await us.ask("GET", f"/conversations/{name}/export")).json()
    assert [line["text"] for line in export["lines"]] == ["my name is Ana"]
    assert (export["facts"], export["follow_ups"]) == ([], [])

    assert (await us.ask("DELETE", f"/conversations/{name}")).status_code == 204
    assert (await us.ask("GET", f"/conversations/{name}")).status_code == 404
    assert (await us.ask("DELETE", f"/conversations/{name}")).status_code == 404


async def test_the_team_reads_what_the_agent_has_noted_for_them(office: Any) -> None:
    us = office.caller()
    name = await us.hears((await us.makes())["id"], "my name is Ana")
    async with tenant_opener(office.database, lambda: None)(us.tenant) as context:
        for fact in (Fact("note", new_id("key"), "A regular."), Fact("fact", "name", "Ana")):
            await context.facts.keep(us.tenant, ChatId("cht_1"), fact)
    for path in (f"/conversations/{name}", f"/conversations/{name}/export"):
        facts = (await us.ask("GET", path)).json()["facts"]
        assert {"kind": "note", "name": "", "value": "A regular."} in facts
        assert {"kind": "fact", "name": "name", "value": "Ana"} in facts


@pytest.mark.parametrize(
    "settings",
    [
        {"trigger": {"kind": "keyword", "value": " "}},
        {"trigger": {"kind": "advanced", "value": "price"}},
        {"trigger": {"kind": "sometimes"}},
        {"on_owner_message": "shout"},
        {"pause_minutes": -1},
    ],
)
async def test_manners_that_cannot_be_meant_are_refused(office: Any, settings: Any) -> None:
    answer = await office.caller().ask("POST", "/agents", {"name": "Ana", "settings": settings})
    assert answer.status_code == 422


async def test_manners_are_kept_as_they_were_written(office: Any) -> None:
    us = office.caller()
    settings = {
        "trigger": {"kind": "advanced", "operator": "contains", "value": "contains:price"},
        "finish_keyword": "bye",
        "hand_off_words": ["boss*"],
        "ignored_contacts": ["+5511988880001"],
        "language": "Portuguese",
    }
    made = await us.makes(settings=settings)
    shown = (await us.ask("GET", f"/agents/{made['id']}")).json()["settings"]
    assert {name: shown[name] for name in settings} == settings
