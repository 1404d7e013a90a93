"""A tenant's own tools and files over HTTP: strict, guarded, and their secrets never shown."""

import asyncio
from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

ORDER: dict[str, Any] = {
    "name": "order",
    "description": "Order something.",
    "method": "POST",
    "url": "https://shop.example.com/orders/{id}",
    "parameters": {
        "type": "object",
        "properties": {"id": {"type": "string"}},
        "required": ["id"],
        "additionalProperties": False,
    },
    "effect": "irreversible",
}


async def test_a_tool_is_defined_shown_changed_used_by_an_agent_and_deleted(office: Any) -> None:
    us = office.caller()
    secret = {"secret_header": "X-Key", "secret": "s3cret"}
    made = (await us.ask("POST", "/tools", {**ORDER, **secret})).json()
    path = f"/tools/{made['id']}"
    assert made["has_secret"] is True
    assert (await us.ask("GET", path)).json() == made
    assert (await us.ask("GET", "/tools")).json() == [made]

    changed = await us.ask("PATCH", path, {"timeout_seconds": 5, "effect": "write"})
    assert changed.json() == {**made, "timeout_seconds": 5, "effect": "write"}
    agent = await us.makes(settings={"tools": ["order", "hand_off"]})
    assert agent["settings"]["tools"] == ["order", "hand_off"]

    assert (await us.ask("DELETE", path)).status_code == 204
    for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
        assert (await us.ask(method, path, body)).status_code == 404


async def test_changes_of_one_moment_lose_none_of_each_other(office: Any) -> None:
    us = office.caller()
    made = (await us.ask("POST", "/tools", ORDER)).json()
    path = f"/tools/{made['id']}"
    wanted = {"timeout_seconds": 5, "effect": "write", "max_bytes": 2000, "description": "Orders."}
    answers = await asyncio.gather(
        *(us.ask("PATCH", path, {name: value}) for name, value in wanted.items())
    )
    assert [answer.status_code for answer in answers] == [200] * 4
    assert (await us.ask("GET", path)).json() == {**made, **wanted}


async def test_a_secret_is_sealed_never_shown_and_follows_to_no_other_host(office: Any) -> None:
    us = office.caller()
    secret = {"secret_header": "X-Key", "secret": "s3cret"}
    answer = await us.ask("POST", "/tools", {**ORDER, **secret})
    made = answer.json()
    path = f"/tools/{made['id']}"
    same = await us.ask("PATCH", path, {"url": "https://shop.example.com/other/{id}"})
    for shown in (answer, same, await us.ask("GET", "/tools")):
        assert "s3cret" not in shown.text
        assert '"has_secret":true' in shown.text
    moved = await us.ask("PATCH", path, {"url": "https://evil.example.com/orders/{id}"})
    assert moved.json()["has_secret"] is False
    again = await us.ask("PATCH", path, {"secret": "other"})
    assert again.json()["has_secret"] is True
    assert (await us.ask("PATCH", path, {"secret": ""})).json()["has_secret"] is False


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"name": "Order"}, 422),
        ({"name": "hand_off"}, 409),
        ({"method": "TRACE"}, 422),
        ({"effect": "harmless"}, 422),
        ({"url": "https://{id}.example.com/"}, 422),
        ({"url": "https://shop.example.com{id}/"}, 422),
        ({"url": "https://shop.example.com/{nothing}"}, 422),
        ({"url": "http://127.0.0.1/{id}"}, 422),
        ({"url": "http://[::1]/"}, 422),
        ({"url": "http://localhost/"}, 422),
        ({"url": "http://2130706433/"}, 422),
        ({"url": "https://shop.example.com:99999/"}, 422),
        ({"url": "http://169.254.169.254/latest"}, 422),
        ({"url": "https://user:word@shop.example.com/"}, 422),
        ({"url": "ftp://shop.example.com/"}, 422),
        ({"lookup_url": "http://10.1.2.3/{key}"}, 422),
        ({"lookup_url": "https://shop.example.com/by-key"}, 422),
        ({"parameters": {"type": "object", "properties": {}}}, 422),
        ({"parameters": {"type": "string"}}, 422),
        ({"secret_header": "Host"}, 422),
        ({"secret_header": "X Key"}, 422),
        ({"secret": "a\nb"}, 422),
        ({"timeout_seconds": 31}, 422),
        ({"max_bytes": 0}, 422),
        ({"tenant_id": "ten_other"}, 422),
    ],
)
async def test_what_is_loose_or_reaches_inwards_is_refused(
    office: Any, changes: dict[str, Any], status: int
) -> None:
    us = office.caller()
    there = (await us.ask("POST", "/tools", {**ORDER, "name": "present"})).json()
    for method, path in (("POST", "/tools"), ("PATCH", f"/tools/{there['id']}")):
        answer = await us.ask(method, path, {**ORDER, **changes} if method == "POST" else changes)
        assert answer.status_code == status, answer.text
    assert (await us.ask("GET", "/tools")).json() == [there]


async def test_a_name_is_taken_once_and_a_name_that_no_tool_has_is_refused(office: Any) -> None:
    us = office.caller()
    await us.ask("POST", "/tools", ORDER)
    assert (await us.ask("POST", "/tools", ORDER)).status_code == 409
    answer = await us.ask("POST", "/agents", {"name": "A", "settings": {"tools": ["ordr"]}})
    assert answer.status_code == 422
    assert "there is no tool 'ordr'" in answer.json()["detail"]
    assert "business_hours" in answer.json()["hint"]
    them = office.caller()
    theirs = await them.ask("POST", "/agents", {"name": "A", "settings": {"tools": ["order"]}})
    assert theirs.status_code == 422, "another tenant's tool is none"


async def test_an_agent_whose_tool_was_deleted_can_still_be_changed(office: Any) -> None:
    us = office.caller()
    tool = (await us.ask("POST", "/tools", ORDER)).json()
    path = f"/agents/{(await us.makes(settings={'tools': ['order']}))['id']}"
    assert (await us.ask("DELETE", f"/tools/{tool['id']}")).status_code == 204
    changed = await us.ask("PATCH", path, {"settings": {"temperature": 0.2}})
    assert (changed.status_code, changed.json()["settings"]["temperature"]) == (200, 0.2)
    wrong = await us.ask("PATCH", path, {"settings": {"tools": ["order", "ordr"]}})
    assert "'ordr'" in wrong.json()["detail"]


async def test_a_file_is_kept_listed_replaced_and_deleted(office: Any) -> None:
    us = office.caller()
    first = await us.uploads("prices.pdf", b"%PDF one")
    second = await us.uploads("prices.pdf", b"%PDF two, longer")
    assert first["id"] == second["id"]
    assert (second["kind"], second["mimetype"], second["size"]) == (
        "document",
        "application/pdf",
        16,
    )
    assert (await us.ask("GET", "/media-library")).json() == [second]
    path = f"/media-library/{first['id']}"
    assert (await us.ask("DELETE", path)).status_code == 204
    assert (await us.ask("DELETE", path)).status_code == 404


@pytest.mark.parametrize(
    ("name", "kind", "content", "status"),
    [
        ("a.pdf", "application/pdf", b"", 422),
        ("../a.pdf", "application/pdf", b"x", 422),
        ("", "application/pdf", b"x", 422),
        ("a", "model/x", b"x", 415),
        ("a", "", b"x", 415),
        ("a.png", "image/png", b"x" * (16 * 1024 * 1024 + 1), 413),
    ],
)
async def test_a_file_that_cannot_be_kept_is_refused(
    office: Any, name: str, kind: str, content: bytes, status: int
) -> None:
    headers = {"authorization": f"Bearer {office.caller().token}", "content-type": kind}
    answer = await office.http.post(
        "/api/media-library", params={"name": name}, content=content, headers=headers
    )
    assert answer.status_code == status, answer.text
