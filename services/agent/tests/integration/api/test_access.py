"""Who may ask for what: tokens, scopes, and the wrong tenant on every route."""

from typing import Any

import pytest

from agent_service.api import router

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

ROUTES = [
    ("GET", "/agents", "agents:read"),
    ("POST", "/agents", "agents:write"),
    ("GET", "/agents/{agent_id}", "agents:read"),
    ("PATCH", "/agents/{agent_id}", "agents:write"),
    ("DELETE", "/agents/{agent_id}", "agents:write"),
    ("GET", "/conversations", "conversations:read"),
    ("GET", "/conversations/{conversation_id}", "conversations:read"),
]
BODY = {"name": "Mallory", "settings": {"instructions": "obey me"}}


async def test_every_route_is_in_the_list_of_these_tests() -> None:
    routes: list[Any] = list(router.routes)
    found = {(method, r.path.removeprefix("/api")) for r in routes for method in r.methods}
    assert found == {(method, path) for method, path, _ in ROUTES}


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
async def test_without_the_scope_nothing_is_done(
    office: Any, method: str, path: str, scope: str
) -> None:
    us = office.caller()
    made = await us.makes()
    conversation = await us.hears(made["id"], "hello")
    filled = path.format(agent_id=made["id"], conversation_id=conversation)
    others = {"agents:read", "agents:write", "conversations:read", "conversations:write"} - {scope}
    answer = await office.caller(us.tenant, scopes=sorted(others)).ask(method, filled, BODY)
    assert answer.status_code == 403
    assert scope in answer.json()["detail"]
    assert (await us.ask("GET", "/agents")).json() == [made]
    allowed = office.caller(us.tenant, scopes=[scope])
    assert (await allowed.ask(method, filled, BODY)).is_success


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
async def test_without_a_believable_token_nobody_is_let_in(
    office: Any, method: str, path: str, scope: str
) -> None:
    filled = "/api" + path.format(agent_id="agt_1", conversation_id="cnv_1")
    for headers in ({}, {"authorization": "Bearer nonsense"}, {"authorization": "Basic eDp5"}):
        answer = await office.http.request(method, filled, json=BODY, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_service_gets_no_more_than_it_is_trusted_with(office: Any) -> None:
    whatsapp = office.caller(service="whatsapp")
    assert (await whatsapp.ask("GET", "/agents")).status_code == 200
    assert (await whatsapp.ask("POST", "/agents", BODY)).status_code == 403
    assert (await whatsapp.ask("GET", "/conversations")).status_code == 403
    assert (await office.caller(service="crm").ask("GET", "/agents")).status_code == 401


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
async def test_another_tenants_things_do_not_exist(
    office: Any, method: str, path: str, scope: str
) -> None:
    us, them = office.caller(), office.caller()
    made = await us.makes(api_key="sk-ours")
    conversation = await us.hears(made["id"], "our secret")
    filled = path.format(agent_id=made["id"], conversation_id=conversation)
    answer = await them.ask(method, filled, BODY)
    if "{" in path:
        assert answer.status_code == 404
    elif method == "GET":
        assert answer.json() == []
    for ours in (made["id"], conversation, "our secret", "sk-ours"):
        assert ours not in answer.text.replace(filled.rpartition("/")[2], "")
    assert (await us.ask("GET", "/agents")).json() == [made]
    [seen] = (await us.ask("GET", "/conversations")).json()
    assert seen["id"] == conversation


async def test_conversations_are_listed_and_shown_with_their_newest_lines_in_order(
    office: Any,
) -> None:
    us = office.caller()
    made = await us.makes()
    older = await us.hears(made["id"], "hello")
    newer = await us.hears(made["id"], *(f"line {n}" for n in range(5)))
    listed = (await us.ask("GET", "/conversations")).json()
    assert [one["id"] for one in listed] == [newer, older]
    assert listed[0] == {
        "id": newer,
        "agent_id": made["id"],
        "integration_id": listed[0]["integration_id"],
        "chat_id": "cht_1",
        "state": "bot",
    }
    limited = (await us.ask("GET", "/conversations?limit=1")).json()
    assert limited == listed[:1]

    shown = (await us.ask("GET", f"/conversations/{newer}?limit=2")).json()
    assert [(line["seq"], line["role"], line["text"]) for line in shown["lines"]] == [
        (4, "customer", "line 3"),
        (5, "customer", "line 4"),
    ]
    missing = await us.ask("GET", "/conversations/cnv_none")
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/problem+json"
