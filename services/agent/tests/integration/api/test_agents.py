"""Agents over HTTP: made, shown, changed, deleted; what does not fit is named."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from agent_service.app.contexts import tenant_opener
from common.contracts import AgentId, utc_now

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


async def test_an_agent_is_made_shown_changed_and_deleted(office: Any) -> None:
    us = office.caller()
    made = await us.makes(settings={"quiet_seconds": 1.5, "model": "gpt-x"})
    path = f"/agents/{made['id']}"
    assert (await us.ask("GET", path)).json() == made
    assert made["settings"]["quiet_seconds"] == 1.5
    assert made["settings"]["requests_per_minute"] == 120, "what is left out has its default"

    changed = await us.ask("PATCH", path, {"name": "Bea", "settings": {"quiet_seconds": 2}})
    assert changed.status_code == 200
    assert changed.json()["name"] == "Bea"
    assert changed.json()["settings"] == {**made["settings"], "quiet_seconds": 2}
    assert (await us.ask("GET", path)).json() == changed.json()

    assert (await us.ask("DELETE", path)).status_code == 204
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        assert (await us.ask(method, path, body)).status_code == 404
    assert (await us.ask("GET", "/agents")).json() == []


async def test_agents_are_listed_the_newest_first_up_to_a_limit(office: Any) -> None:
    us = office.caller()
    made = [(await us.makes(name=f"agent {n}"))["id"] for n in range(3)]
    listed = (await us.ask("GET", "/agents")).json()
    assert [agent["id"] for agent in listed] == made[::-1]
    assert [a["id"] for a in (await us.ask("GET", "/agents?limit=1")).json()] == made[-1:]
    assert (await us.ask("GET", "/agents?limit=0")).status_code == 422


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"settings": {"temperature": 3}}, "settings.temperature"),
        ({"settings": {"quiet_seconds": "soon"}}, "settings.quiet_seconds"),
        ({"settings": {"requests_per_minute": 0}}, "settings.requests_per_minute"),
        ({"settings": {"fallback_text": ""}}, "settings.fallback_text"),
        ({"settings": {"fallback_text": " \n "}}, "settings.fallback_text"),
        ({"settings": {"refusal_text": " "}}, "settings.refusal_text"),
        ({"settings": {"hand_off_text": ""}}, "settings.hand_off_text"),
        ({"settings": {"instructions": None}}, "settings.instructions"),
        ({"settings": {"instructions": "a\0b"}}, "settings.instructions"),
        ({"settings": {"colour": "blue"}}, "settings.colour"),
        ({"settings": 7}, "settings"),
        ({"name": ""}, "name"),
        ({"name": " \n"}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"name": "a\ud800b"}, "name"),
        ({"settings": {"model": "a\ud800b"}}, "settings.model"),
        ({"api_key": "klíč"}, "api_key"),
        ({"api_key": "sk-1\nX-Evil: 1"}, "api_key"),
        ({"tenant_id": "ten_other"}, "tenant_id"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_what_does_not_fit_is_named_and_changes_nothing(
    office: Any, method: str, body: dict[str, Any], field: str
) -> None:
    us = office.caller()
    before = await us.makes()
    path = "/agents" if method == "POST" else f"/agents/{before['id']}"
    answer = await us.ask(method, path, {"name": "Ana", **body} if method == "POST" else body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert f"body.{field}" in [problem["field"] for problem in answer.json()["errors"]]
    assert (await us.ask("GET", "/agents")).json() == [before]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"finish_keyword": "!!"}, "finish_keyword"),
        ({"hand_off_words": ["?!"]}, "hand_off_words"),
        ({"quiet_seconds": 40}, "deadline_seconds"),
        ({"ignored_contacts": ["Ana"]}, "ignored_contacts"),
        ({"fallback_agent_id": "agt_nobody"}, "fallback_agent_id"),
        ({"tools": ["no_such_tool"]}, "tools"),
    ],
)
async def test_what_could_never_do_anything_is_named(
    office: Any, settings: dict[str, Any], field: str
) -> None:
    us = office.caller()
    made = await us.makes()
    for method, path in (("POST", "/agents"), ("PATCH", f"/agents/{made['id']}")):
        answer = await us.ask(method, path, {"name": "Ana", "settings": settings})
        assert answer.status_code == 422, answer.text
        assert answer.json()["detail"].startswith(f"settings.{field}: ")
    assert (await us.ask("GET", "/agents")).json() == [made]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"business_hours": ["mon 9-18"]}, "business_hours"),
        ({"business_hours": ["mon 24:00-09:00"]}, "business_hours"),
    ],
)
async def test_hours_that_cannot_be_read_are_named(
    office: Any, settings: dict[str, Any], field: str
) -> None:
    answer = await office.caller().ask("POST", "/agents", {"name": "Ana", "settings": settings})
    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.json()["errors"]] == [f"body.settings.{field}"]


async def test_another_agent_of_the_tenants_stands_in_and_no_other(office: Any) -> None:
    us, them = office.caller(), office.caller()
    theirs, bea = (await them.makes())["id"], (await us.makes())["id"]
    ana = await us.makes(settings={"fallback_agent_id": bea, "business_hours": ["mon 09:00-24:00"]})
    assert ana["settings"]["fallback_agent_id"] == bea
    for name in (theirs, ana["id"]):
        answer = await us.ask(
            "PATCH", f"/agents/{ana['id']}", {"settings": {"fallback_agent_id": name}}
        )
        assert answer.status_code == 422, name
        assert answer.json()["detail"].startswith("settings.fallback_agent_id: ")


async def test_who_stands_in_for_another_is_not_deleted_before_they_need_not(office: Any) -> None:
    us = office.caller()
    bea = (await us.makes(name="Bea"))["id"]
    ana = (await us.makes(settings={"fallback_agent_id": bea}))["id"]
    refused = await us.ask("DELETE", f"/agents/{bea}")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert "'Ana'" in refused.json()["detail"]
    await us.ask("PATCH", f"/agents/{ana}", {"settings": {"fallback_agent_id": None}})
    assert (await us.ask("DELETE", f"/agents/{bea}")).status_code == 204


async def test_a_trigger_that_cannot_be_meant_is_told_in_plain_words(office: Any) -> None:
    wrong = {"name": "Ana", "settings": {"trigger": {"kind": "keyword"}}}
    answer = await office.caller().ask("POST", "/agents", wrong)
    [problem] = answer.json()["errors"]
    assert problem["message"] == "a keyword trigger needs a value with letters or digits"


async def test_ignored_contacts_are_shown_in_the_form_in_which_they_are_compared(
    office: Any,
) -> None:
    made = await office.caller().makes(settings={"ignored_contacts": ["55 11 98888-0001", "@g.us"]})
    assert made["settings"]["ignored_contacts"] == ["+5511988880001", "@g.us"]


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"", b"{}"])
async def test_a_body_that_is_no_agent_is_a_problem(office: Any, body: bytes) -> None:
    token = office.caller().token
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    answer = await office.http.post("/api/agents", content=body, headers=headers)
    assert answer.status_code in {400, 422}
    assert answer.json()["code"] in {"malformed", "invalid_input"}


async def test_an_id_that_cannot_exist_is_a_problem_and_no_failure_of_ours(office: Any) -> None:
    us = office.caller()
    for path in ("/agents/%00", "/conversations/%00"):
        assert (await us.ask("GET", path)).status_code == 422


async def test_a_key_is_sealed_in_the_table_never_shown_and_can_be_forgotten(office: Any) -> None:
    us = office.caller()
    shown = await us.ask("POST", "/agents", {"name": "Ana", "api_key": "sk-tenant-secret"})
    made = shown.json()
    path = f"/agents/{made['id']}"
    sealed = await office.sealed_key(made["id"])
    assert "sk-tenant" not in sealed
    assert office.keyring.open(sealed, context=("agent.api_key", us.tenant)) == "sk-tenant-secret"

    renamed = await us.ask("PATCH", path, {"name": "Bea"})
    assert await office.sealed_key(made["id"]) == sealed, "a change of something else keeps it"
    listed = await us.ask("GET", "/agents")
    for answer in (shown, renamed, listed, await us.ask("GET", path)):
        assert "sk-tenant" not in answer.text
        assert sealed not in answer.text
        assert '"has_own_key":true' in answer.text

    replaced = await us.ask("PATCH", path, {"api_key": "sk-other"})
    assert replaced.json()["has_own_key"] is True
    assert await office.sealed_key(made["id"]) != sealed
    assert (await us.ask("PATCH", path, {"api_key": ""})).json()["has_own_key"] is False
    assert await office.sealed_key(made["id"]) is None


async def test_a_refused_key_is_not_repeated_to_the_caller(office: Any) -> None:
    answer = await office.caller().ask("POST", "/agents", {"name": "A", "api_key": "sk-sécret"})
    assert answer.status_code == 422
    assert "cret" not in answer.text


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:11434/v1",
        "http://169.254.169.254/latest",
        "http://[::1]/v1",
        "http://10.1.2.3/v1",
        "http://user:word@example.com/v1",
        "ftp://example.com",
        "",
    ],
)
async def test_a_model_server_on_our_own_network_is_refused(office: Any, url: str) -> None:
    us = office.caller()
    made = await us.makes()
    for method, path in (("POST", "/agents"), ("PATCH", f"/agents/{made['id']}")):
        answer = await us.ask(method, path, {"name": "Ana", "settings": {"base_url": url}})
        assert answer.status_code == 422
        assert answer.json()["detail"].startswith("settings.base_url: ")
    assert (await us.ask("GET", "/agents")).json() == [made]


async def test_public_model_servers_and_those_the_operator_allows_are_taken(office: Any) -> None:
    us = office.caller()
    for url in ("https://models.example.com/v1", "http://10.9.8.7:8000/v1"):
        made = await us.makes(settings={"base_url": url})
        assert made["settings"]["base_url"] == url


async def test_a_tenant_sees_that_its_model_account_refuses_and_a_change_ends_it(
    office: Any,
) -> None:
    us = office.caller()
    path = f"/agents/{(await us.makes())['id']}"
    until = utc_now() + timedelta(minutes=5)
    async with tenant_opener(office.database, lambda: None)(us.tenant) as context:
        agent = await context.agents.get(AgentId(path.rpartition("/")[2]))
        assert agent is not None
        assert await context.agents.refuse_account(agent, until, "no quota left")
        assert not await context.agents.refuse_account(agent, until, "no quota left"), "once"
    shown = (await us.ask("GET", path)).json()
    assert shown["refused_because"] == "no quota left"
    assert datetime.fromisoformat(shown["refused_until"]) == until
    changed = (await us.ask("PATCH", path, {"api_key": "sk-new"})).json()
    assert (changed["refused_until"], changed["refused_because"]) == (None, "")
    assert (await us.ask("GET", path)).json()["refused_until"] is None


async def test_changes_of_one_moment_lose_none_of_each_other(office: Any) -> None:
    us = office.caller()
    path = f"/agents/{(await us.makes())['id']}"
    wanted = {
        "quiet_seconds": 3.5,
        "temperature": 0.25,
        "requests_per_minute": 7,
        "model": "gpt-x",
        "instructions": "Be brief.",
        "hand_off_text": "A colleague comes.",
    }
    answers = await asyncio.gather(
        *(us.ask("PATCH", path, {"settings": {name: value}}) for name, value in wanted.items()),
        us.ask("PATCH", path, {"name": "Bea"}),
    )
    assert [answer.status_code for answer in answers] == [200] * 7
    agent = (await us.ask("GET", path)).json()
    assert {name: agent["settings"][name] for name in wanted} == wanted
    assert agent["name"] == "Bea"
