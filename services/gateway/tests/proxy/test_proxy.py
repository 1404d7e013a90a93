"""The public API of the services, against a real upstream over real HTTP."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from common.testing import eventually
from gateway_service.domain.model.accounts import SCOPES

MIB = 1024 * 1024


ROUTES = (
    ("/api/agents", "agent", "agents"),
    ("/api/agents/agt_1", "agent", "agents"),
    ("/api/agents/agt_1/channelsish", "agent", "agents"),
    ("/api/agents/agt_1/channels/evolution/connect", "whatsapp", "channels"),
    ("/api/agents/channels/x", "agent", "agents"),
    ("/api/integrations/whatsapp/int_1", "whatsapp", "channels"),
    ("/api/chats", "whatsapp", "conversations"),
    ("/api/agents/agt_1/channels/evolution/pairing-code", "whatsapp", "channels"),
    ("/api/media/int_1/3A5F", "whatsapp", "conversations"),
    ("/api/lanes/park", "whatsapp", "channels"),
    ("/api/conversations/c/messages", "agent", "conversations"),
    ("/api/usage", "agent", "agents"),
    ("/api/events/e", "google", "google"),
    ("/api/leads", "google", "google"),
    ("/api/google/auth-url", "google", "google"),
    ("/api/integrations/crm/hubspot/oauth/start", "crm", "crm"),
)


async def test_every_path_goes_to_its_service(stage: Any) -> None:
    key = stage.key("*")
    for path, service, _ in ROUTES:
        answer = await stage.client.post(path, headers=key)
        assert (answer.status_code, answer.json()["service"]) == (201, service), path


async def test_every_path_needs_its_scope_and_no_other(stage: Any) -> None:
    for path, _, area in ROUTES:
        reader, writer = stage.key(f"{area}:read"), stage.key(f"{area}:write")
        got = await stage.client.get(path, headers=reader)
        made = await stage.client.post(path, headers=writer)
        assert (got.status_code, made.status_code) == (201, 201), path
        assert got.json()["scopes"] == [f"{area}:read"]
        for answer in (
            await stage.client.get(path, headers=writer),
            await stage.client.post(path, headers=reader),
            await stage.client.get(path, headers=stage.key(*(SCOPES - {f"{area}:read"}))),
        ):
            assert answer.status_code == 403, path
            assert answer.json()["code"] == "forbidden"


async def test_prices_are_the_operators_and_no_key_holds_their_scopes(stage: Any) -> None:
    for method in ("GET", "PUT"):
        answer = await stage.client.request(method, "/api/prices", headers=stage.key("*"))
        assert answer.status_code == 403
        assert "prices:" in answer.json()["detail"]


async def test_a_file_is_given_to_whoever_has_its_link_and_to_read_only(stage: Any) -> None:
    answer = await stage.client.get("/api/files/s1.k1.token", headers={"Cookie": "session=1"})
    nobody: dict[str, str] = {}
    changed = [
        await stage.client.request(method, "/api/files/s1.k1.token", headers=headers)
        for method in ("POST", "PUT", "DELETE")
        for headers in (nobody, stage.key("conversations:write"))
    ]

    assert answer.status_code == 200
    assert answer.json() == {"path": "/api/files/s1.k1.token", "headers": []}
    assert {one.status_code for one in changed} == {401, 403}


async def test_the_caller_is_told_to_the_service_by_token_and_by_nothing_else(
    stage: Any,
) -> None:
    headers = stage.key("agents:read", tenant="ten_b") | {
        "X-Tenant-Id": "ten_a",
        "X-Parley-Subject": "root",
        "X-Internal-Token": "x",
        "X-Forwarded-For": "1.2.3.4",
        "Forwarded": "for=1.2.3.4",
        "X-Webhook-Secret": "x",
        "X-API-Key": "x",
        "Cookie": "session=1",
        "Connection": "keep-alive, x-drop-me",
        "X-Drop-Me": "1",
        "Accept-Language": "pt-BR",
        "Idempotency-Key": "k1",
    }
    answer = await stage.client.get("/api/agents?limit=2&q=a%20b", headers=headers)

    seen = answer.json()
    assert (seen["tenant"], seen["subject"][:4]) == ("ten_b", "key:")
    assert seen["target"] == "/api/agents?limit=2&q=a%20b"
    passed = seen["headers"]
    assert (passed["accept-language"], passed["idempotency-key"]) == ("pt-BR", "k1")
    for name in headers.keys() - {"Authorization", "Connection", "Accept-Language"}:
        assert name.lower() not in passed or name == "Idempotency-Key", name
    assert passed["authorization"] != headers["Authorization"]
    assert passed["x-request-id"] == answer.headers["x-request-id"]
    assert passed["traceparent"].startswith("00-")


async def test_the_answer_comes_back_whole_less_what_is_of_one_connection(stage: Any) -> None:
    answer = await stage.client.put("/api/agents/a", content=b"hi", headers=stage.key("*"))

    assert (answer.status_code, answer.json()["body"]) == (201, "hi")
    assert answer.headers["x-made-by"] == "agent"
    assert answer.links["next"]["url"] == "/api/agents/a?cursor=x"
    assert "x-hop" not in answer.headers or answer.headers.get("connection") != "x-hop"
    for once in ("date", "server", "x-request-id", "content-length"):
        assert len(answer.headers.get_list(once)) <= 1


async def test_a_services_refusal_is_passed_on_as_it_is(stage: Any) -> None:
    answer = await stage.client.post("/api/chats/refused", headers=stage.key("*"))

    assert (answer.status_code, answer.json()) == (409, {"code": "conflict"})
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_api_key_may_come_in_its_own_header(stage: Any) -> None:
    key = stage.accounts.add("agents:read").reveal()

    answer = await stage.client.get("/api/agents", headers={"X-API-Key": key})

    assert answer.status_code == 201


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer pk_x"},
        {"Authorization": "Bearer eyJ.x.y"},
        {"X-API-Key": "x"},
        {"Authorization": "Basic eDp5"},
    ],
)
async def test_strangers_are_refused(stage: Any, headers: dict[str, str]) -> None:
    answer = await stage.client.get("/api/agents", headers=headers)

    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthenticated"
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "path",
    [
        "/api/agents/../keys",
        "/api/agents/./x",
        "/api/agents/x%2fchannels",
        "/api/agents/%2e%2e/keys",
        "/api/agents//x",
        "/api/agents/x%5cy",
        "/api/agents/",
    ],
)
async def test_a_path_that_could_mean_another_is_not_passed_on(stage: Any, path: str) -> None:
    # By hand: the client would tidy the path up.
    [(_, key)] = stage.key("*").items()
    base = stage.client.base_url
    reader, writer = await asyncio.open_connection(base.host, base.port)
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\nConnection: close\r\n\r\n"
    writer.write(request.encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()

    assert answer.startswith(b"HTTP/1.1 404")
    assert b'"code":"not_found"' in answer


async def test_a_body_streams_through_up_to_the_limit(stage: Any) -> None:
    async def megabytes(count: int) -> AsyncIterator[bytes]:
        for _ in range(count):
            yield b"x" * MIB

    key = stage.key("*")
    fits = await stage.client.post("/api/agents", content=megabytes(10), headers=key)
    over = await stage.client.post("/api/agents", content=megabytes(11), headers=key)
    declared = await stage.client.post("/api/agents", content=b"x" * (10 * MIB + 1), headers=key)

    assert fits.json()["body"] == 10 * MIB
    for refused in (over, declared):
        assert refused.status_code == 413
        assert f"{10 * MIB} bytes" in refused.json()["detail"]


async def test_events_pass_one_by_one_and_end_with_the_listener(stage: Any) -> None:
    whatsapp = stage.upstream
    headers = {**stage.key("*"), "Accept": "text/event-stream"}
    async with stage.client.stream("GET", "/api/chats/c/stream", headers=headers) as answer:
        chunks = answer.aiter_raw()
        assert await anext(chunks) == b"data: first\n\n"
        assert whatsapp.streams == 1

    await eventually(lambda: whatsapp.streams == 0, within=5)


async def test_an_event_stream_that_ends_is_whole(stage: Any) -> None:
    stage.upstream.events.set()

    answer = await stage.client.get("/api/chats/c/stream", headers=stage.key("*"))

    assert answer.content == b"data: first\n\ndata: second\n\n"
    assert answer.headers["content-type"].startswith("text/event-stream")


async def test_a_service_that_is_away_is_503(accounts: Any, staged: Any) -> None:
    async with staged(accounts, away={"crm": "http://127.0.0.1:1"}) as stage:
        answer = await stage.client.post("/api/integrations/crm/x", headers=stage.key("*"))

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"] == "2"
    assert "127.0.0.1" not in answer.text


async def test_a_service_that_is_silent_is_504_and_says_what_may_have_happened(
    accounts: Any,
    staged: Any,
) -> None:
    async with staged(accounts, silence=0.2) as stage:
        key = stage.key("*")
        got = await stage.client.get("/api/chats/slow", headers=key)
        posted = await stage.client.post("/api/chats/slow", headers=key)
        events = {**key, "Accept": "text/event-stream"}
        streamed = await stage.client.get("/api/chats/slow", headers=events)

    assert (got.status_code, got.json()["code"]) == (504, "timed_out")
    assert (streamed.status_code, streamed.json()["code"]) == (504, "timed_out")
    assert (posted.status_code, posted.json()["code"]) == (504, "outcome_unknown")


async def test_a_tenant_that_asks_too_often_waits_and_the_others_do_not(
    accounts: Any, staged: Any
) -> None:
    async with staged(accounts, burst=2) as stage:
        ours, theirs = stage.key("*", tenant="ten_a"), stage.key("*", tenant="ten_b")
        again = stage.key("*", tenant="ten_a")
        statuses = [
            (await stage.client.get("/api/agents", headers=headers)).status_code
            for headers in (ours, ours, theirs)
        ]
        refused = await stage.client.get("/api/agents", headers=again)

    assert statuses == [201, 201, 201]
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert refused.headers["retry-after"] == "2"


async def test_a_tenant_whose_streams_are_all_open_waits_and_the_others_do_not(
    accounts: Any, staged: Any
) -> None:
    async with staged(accounts, at_once=2, connections=3) as stage:
        ours = stage.key("*", tenant="ten_a")
        opened = [
            await stage.client.send(
                stage.client.build_request("GET", "/api/chats/c/stream", headers=ours), stream=True
            )
            for _ in range(2)
        ]
        refused = await stage.client.get("/api/agents", headers=ours)
        other = await stage.client.get("/api/agents", headers=stage.key("*", tenant="ten_b"))

        await opened[0].aclose()
        await eventually(lambda: stage.in_flight._counts == {"ten_a": 1}, within=5)
        again = await stage.client.get("/api/agents", headers=ours)
        await opened[1].aclose()

    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert "limit of 2 requests at once" in refused.json()["detail"]
    assert refused.headers["retry-after"] == "5"
    assert (other.status_code, again.status_code) == (201, 201)


async def test_a_gateway_without_a_free_connection_does_not_say_that_a_service_is_away(
    accounts: Any, staged: Any
) -> None:
    async with staged(accounts, connections=1) as stage:
        headers = stage.key("*")
        async with stage.client.stream("GET", "/api/chats/c/stream", headers=headers):
            answer = await stage.client.get("/api/agents", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "gateway" in answer.json()["detail"]
    assert "away" not in answer.json()["detail"]
