"""Every body and every tenant at every door of the running suite."""

import json
from collections import defaultdict
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

BODIES = {"pairing-code": {"phone": "+5511988880001"}}
"""What an order needs to be understood at all, by the last word of its path."""
OPEN = ("/api/webhook", "/api/webhooks", "/api/files/")
"""Routes that need no key of ours: what they are called with is the permission."""


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


async def test_a_foreign_tenant_gets_nothing_from_any_route(running: Suite) -> None:
    number = await running.connect_number(QUICK)
    await running.door(
        "POST",
        f"/_sandbox/evolution/instances/{number}/inbound",
        json={"from": "5511988880001", "text": "secret words", "name": "Ana"},
    )
    await running.sent(1)
    [agent] = (await running.api.get("/api/agents")).json()
    [chat] = (await running.api.get("/api/chats")).json()
    [conversation] = (await running.api.get("/api/conversations")).json()
    keys = (await running.api.get("/api/keys")).json()
    # A name that we have no example of stands for itself: there is no such thing anywhere.
    known = defaultdict(lambda: "nothing_of_this_name") | {
        "agent_id": agent["id"],
        "chat_id": chat["id"],
        "conversation_id": conversation["id"],
        "key_id": (keys if isinstance(keys, list) else keys["keys"])[0]["id"],
    }
    await running.open_account()  # from here on, another tenant
    tried = 0
    for method, path in operations():
        if path.startswith(("/api/webhook", "/api/webhooks")):
            continue
        body = {"name": "x"} if method in {"PATCH", "PUT"} else BODIES.get(path.split("/")[-1])
        if method == "POST" and "{" not in path:
            continue  # makes something new, of the caller's own
        response = await running.api.request(method, path.format_map(known), json=body)
        tried += 1
        assert response.status_code < 500, (method, path, response.text)
        if "{" in path:
            assert response.status_code == 404, (method, path, response.text)
        for foreign in (*known.values(), "secret words", number):
            assert foreign not in response.text or foreign in str(response.url), (method, path)
    assert tried >= 10


async def test_a_stranger_gets_401_from_every_route(running: Suite) -> None:
    del running.api.headers["Authorization"]
    for method, path in operations():
        if path.startswith(OPEN):
            continue
        response = await running.api.request(method, path.replace("{", "").replace("}", ""))
        assert response.status_code == 401, (method, path, response.text)
        assert response.headers["content-type"] == "application/problem+json"
