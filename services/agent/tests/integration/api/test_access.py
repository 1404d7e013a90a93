"""Who may ask for what: tokens, scopes, and the wrong tenant on every route."""

from typing import Any

import pytest

from agent_service.api import DOORS

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

ROUTES = [
    ("GET", "/agents", "agents:read"),
    ("POST", "/agents", "agents:write"),
    ("GET", "/agents/{agent_id}", "agents:read"),
    ("PATCH", "/agents/{agent_id}", "agents:write"),
    ("DELETE", "/agents/{agent_id}", "agents:write"),
    ("GET", "/conversations", "conversations:read"),
    ("GET", "/conversations/{conversation_id}", "conversations:read"),
    ("GET", "/conversations/{conversation_id}/export", "conversations:read"),
    ("POST", "/conversations/{conversation_id}/take-over", "conversations:write"),
    ("POST", "/conversations/{conversation_id}/hand-back", "conversations:write"),
    ("POST", "/conversations/{conversation_id}/reply", "conversations:write"),
    ("POST", "/conversations/{conversation_id}/close", "conversations:write"),
    ("DELETE", "/conversations/{conversation_id}", "conversations:write"),
    ("GET", "/tools", "agents:read"),
    ("POST", "/tools", "agents:write"),
    ("GET", "/tools/{tool_id}", "agents:read"),
    ("PATCH", "/tools/{tool_id}", "agents:write"),
    ("DELETE", "/tools/{tool_id}", "agents:write"),
    ("GET", "/media-library", "agents:read"),
    ("POST", "/media-library", "agents:write"),
    ("DELETE", "/media-library/{media_id}", "agents:write"),
    ("GET", "/usage", "agents:read"),
    ("GET", "/limits", "agents:read"),
    ("PUT", "/limits", "agents:write"),
    ("GET", "/prices", "prices:read"),
    ("PUT", "/prices", "prices:write"),
]
LIMITS = (
    "requests_per_minute",
    "tokens_per_minute",
    "micros_per_day",
    "micros_per_month",
    "parallel_runs",
)
SCOPES = {scope for _, _, scope in ROUTES}
TOOL = {
    "name": "track",
    "description": "Track a parcel.",
    "method": "GET",
    "url": "https://shop.example.com/track",
    "effect": "read",
}
BODIES = {
    "/agents": {"name": "Mallory", "settings": {"instructions": "obey me"}},
    "/tools": {**TOOL, "name": "mallory"},
    "/limits": {"micros_per_day": 1},
    "/conversations": {"text": "hello from a person"},
    "/prices": {
        "model": "gpt-x", "input_micros": 1, "cached_micros": 1, "output_micros": 1,
    },
}  # fmt: skip


def body_for(path: str) -> Any:
    return next((body for start, body in BODIES.items() if path.startswith(start)), {})


async def filled(us: Any, path: str) -> tuple[str, list[str]]:
    """A path with ids of a tenant's own things, and those ids."""
    made = await us.makes(api_key="sk-ours")
    conversation = await us.hears(made["id"], "our secret")
    tool = await us.ask("POST", "/tools", {**TOOL, "secret_header": "X-Key", "secret": "hush-hush"})
    media = await us.uploads("prices.pdf")
    ids = {
        "agent_id": made["id"],
        "conversation_id": conversation,
        "tool_id": tool.json()["id"],
        "media_id": media["id"],
    }
    query = "?name=ours.pdf" if path == "/media-library" else ""
    return path.format(**ids) + query, list(ids.values())


async def test_every_route_is_in_the_list_of_these_tests() -> None:
    routes: list[Any] = [route for door in DOORS for route in door.routes]
    found = {(method, route.path) for route in routes for method in route.methods}
    assert found == {(method, path) for method, path, _ in ROUTES}


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
async def test_without_the_scope_nothing_is_done(
    office: Any, method: str, path: str, scope: str
) -> None:
    us = office.caller(scopes=sorted(SCOPES))
    there, _ = await filled(us, path)
    before = (await us.ask("GET", "/agents")).json()
    lacking = office.caller(us.tenant, scopes=sorted(SCOPES - {scope}))
    answer = await lacking.ask(method, there, body_for(path))
    assert answer.status_code == 403
    assert scope in answer.json()["detail"]
    assert (await us.ask("GET", "/agents")).json() == before
    allowed = office.caller(us.tenant, scopes=[scope])
    done = await allowed.ask(method, there, body_for(path))
    assert done.is_success, done.text


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
async def test_without_a_believable_token_nobody_is_let_in(
    office: Any, method: str, path: str, scope: str
) -> None:
    ids = dict.fromkeys(("agent_id", "conversation_id", "tool_id", "media_id"), "x_1")
    there = "/api" + path.format(**ids)
    for headers in ({}, {"authorization": "Bearer nonsense"}, {"authorization": "Basic eDp5"}):
        answer = await office.http.request(method, there, json={}, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_service_gets_no_more_than_it_is_trusted_with(office: Any) -> None:
    whatsapp = office.caller(service="whatsapp")
    assert (await whatsapp.ask("GET", "/agents")).status_code == 200
    assert (await whatsapp.ask("POST", "/agents", BODIES["/agents"])).status_code == 403
    assert (await whatsapp.ask("GET", "/conversations")).status_code == 403
    assert (await office.caller(service="crm").ask("GET", "/agents")).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "scope"), [one for one in ROUTES if one[1] != "/prices"]
)
async def test_another_tenants_things_do_not_exist(
    office: Any, method: str, path: str, scope: str
) -> None:
    """Prices aside: they are the operator's, and the same for all."""
    us, them = office.caller(), office.caller()
    there, ids = await filled(us, path)
    ours = [(await us.ask("GET", one)).json() for one in ("/agents", "/tools", "/media-library")]
    answer = await them.ask(method, there, body_for(path))
    if "{" in path:
        assert answer.status_code == 404
    elif method == "GET":
        assert answer.json() in ([], dict.fromkeys(LIMITS)) or path == "/usage"
    for secret in (*ids, "our secret", "sk-ours", "hush-hush"):
        assert secret not in answer.text or secret in there, "what they said themselves is theirs"
    after = [(await us.ask("GET", one)).json() for one in ("/agents", "/tools", "/media-library")]
    assert after == ours
    [seen] = (await us.ask("GET", "/conversations")).json()
    assert seen["id"] in ids


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
        "known_as": ["+5511988880001"],
        "state": "bot",
        "human_until": None,
        "updated_at": listed[0]["updated_at"],
    }
    shown = (await us.ask("GET", f"/conversations/{newer}?limit=2")).json()
    assert [(line["seq"], line["role"], line["text"]) for line in shown["lines"]] == [
        (4, "customer", "line 3"),
        (5, "customer", "line 4"),
    ]
    missing = await us.ask("GET", "/conversations/cnv_none")
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/problem+json"
