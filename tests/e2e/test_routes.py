"""Every body and every tenant at every door of the running suite."""

import json
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from bench.ground import Ground
from bench.suite import Suite
from common.contracts import SERVICES
from common.testing import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "services/whatsapp/tests/translation/examples"
QUICK = {"quiet_seconds": 0, "typing_ms_per_char": 0}
SECRET = "secret words"
TOOL = {
    "name": "order",
    "description": "Order something.",
    "method": "POST",
    "url": "https://shop.example.com/orders",
    "parameters": {
        "type": "object", "properties": {}, "required": [], "additionalProperties": False
    },
    "effect": "irreversible",
}  # fmt: skip
OWN = ("/api/agents", "/api/tools", "/api/media-library", "/api/limits", "/api/keys")
"""What a foreign tenant must not have changed."""

BODIES = {"pairing-code": {"phone": "+5511988880001"}, "reply": {"text": "x"}}
"""What an order needs to be understood at all, by the last word of its path."""
OPEN = {
    "/api/files/{token}": 404,
    "/api/webhook/evolution": 401,
    "/api/webhooks/inbound/{webhook_public_id}": 404,
}
"""Routes that need no key of ours, as what they are called with is the permission; and what they
answer to somebody who has none."""


def bodies() -> list[dict[str, Any]]:
    found = [json.loads(path.read_bytes()) for path in sorted(EXAMPLES.rglob("*.json"))]
    return [body for body in found if isinstance(body, dict)]


async def public_route(running: Suite, number: str) -> tuple[str, dict[str, str]]:
    """The address and the headers that the suite gave to Evolution for this number."""
    [webhook] = [
        one["webhook"]
        for one in await running.door("GET", "/_sandbox/evolution/instances")
        if one["name"] == number
    ]
    return webhook["url"], webhook["headers"]


async def test_every_body_is_accepted_on_both_routes_and_kept(
    running: Suite, place: Ground
) -> None:
    number = await running.connect_number(QUICK)
    url, headers = await public_route(running, number)
    routes = [(running.webhook_url, running.webhook_headers), (url, headers)]
    posted = 0
    async with httpx2.AsyncClient() as client:
        for body in bodies():
            for address, secret in routes:
                named = {**body, "instance": number} if "instance" in body else body
                response = await client.post(
                    # As Evolution writes it: half an emoji stays an escape.
                    address,
                    content=json.dumps(named).encode(),
                    headers={**secret, "content-type": "application/json"},
                )
                assert response.status_code == httpx2.codes.OK, (body.get("event"), response.text)
                posted += 1
    connection = await asyncpg.connect(place.database("whatsapp"))
    try:

        async def all_read() -> bool:
            return bool(await connection.fetchval("select count(*) from inbox") >= posted)

        await eventually(all_read, within=60, what="every webhook read")
        kinds = await connection.fetch("select distinct kind from whatsapp_message")
    finally:
        await connection.close()
    assert len(kinds) >= 15
    assert all(child.exit_code is None for child in running.children)


def operations() -> list[tuple[str, str]]:
    """Every documented operation of every service, with its path parameters still open."""
    found = []
    for service in SERVICES:
        document = json.loads((ROOT / f"docs/openapi/{service}.json").read_bytes())
        for path, methods in document["paths"].items():
            found += [(method.upper(), path) for method in methods if path.startswith("/api/")]
    return sorted(set(found))


async def everything_there_is(running: Suite, number: str) -> dict[str, str]:
    """Give one tenant something of every kind; a name of each, by its path parameter."""
    await running.door(
        "POST",
        f"/_sandbox/evolution/instances/{number}/inbound",
        json={"from": "5511988880001", "text": SECRET, "name": "Ana", "kind": "image"},
    )
    await running.sent(1)
    made = await running.api.post("/api/tools", json=TOOL)
    assert made.status_code == 201, made.text
    file = await running.api.post(
        "/api/media-library?name=Secret.pdf",
        content=b"%PDF-1.4 secret",
        headers={"content-type": "application/pdf"},
    )
    assert file.status_code == 201, file.text
    lists = ("agents", "chats", "conversations", "integrations/whatsapp")
    [agent], [chat], [talk], [one] = [
        (await running.api.get(f"/api/{path}")).json() for path in lists
    ]
    messages = (await running.api.get(f"/api/chats/{chat['id']}/messages")).json()
    keys = (await running.api.get("/api/keys")).json()
    return {
        "agent_id": agent["id"],
        "chat_id": chat["id"],
        "conversation_id": talk["id"],
        "integration_id": one["integration_id"],
        "message_id": next(x["message_id"] for x in messages if not x["outgoing"]),
        "tool_id": made.json()["id"],
        "media_id": file.json()["id"],
        "key_id": (keys if isinstance(keys, list) else keys["keys"])[0]["id"],
        "tenant_id": "ten_of_nobody",
        # Whoever holds it may open it, and nobody has one to guess; made up, it is nobody's.
        "token": "nothing_of_this_name",
    }


async def test_a_foreign_tenant_gets_nothing_from_any_route(running: Suite) -> None:
    number = await running.connect_number(QUICK)
    known = await everything_there_is(running, number)
    own = (f"/api/conversations/{known['conversation_id']}", *OWN)
    before = [(await running.api.get(path)).json() for path in own]
    ours = running.api.headers["Authorization"]
    await running.open_account()  # from here on, another tenant
    for method, path in operations():
        if path.startswith(("/api/webhook", "/api/webhooks")):
            continue
        body = {"name": "x"} if method in {"PATCH", "PUT"} else BODIES.get(path.split("/")[-1])
        if method == "POST" and "{" not in path:
            continue  # makes something new, of the caller's own
        response = await running.api.request(method, path.format_map(known), json=body)
        assert response.status_code < 500, (method, path, response.text)
        if "{" in path:
            # Operators' routes know no tenant's key at all.
            refused = 401 if path.startswith("/api/operator/") else 404
            assert response.status_code == refused, (method, path, response.text)
        for foreign in (*known.values(), SECRET, "Secret.pdf", number):
            assert foreign not in response.text or foreign in str(response.url), (method, path)
    running.api.headers["Authorization"] = ours
    assert [(await running.api.get(path)).json() for path in own] == before


async def test_a_stranger_gets_401_from_every_route(running: Suite) -> None:
    del running.api.headers["Authorization"]
    for method, path in operations():
        response = await running.api.request(method, path.replace("{", "").replace("}", ""))
        assert response.status_code == OPEN.get(path, 401), (method, path, response.text)
        assert response.headers["content-type"] == "application/problem+json"
