"""webhook/set, webhook/find and settings."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from sandbox.evolution.events import EVENTS

URL = "http://gateway/hooks"


async def test_set_answers_201_with_the_row_and_find_shows_it(
    evolution: httpx2.AsyncClient, loja: str
) -> None:
    block = {
        "enabled": True,
        "url": URL,
        "byEvents": True,
        "base64": False,
        "headers": {"x": "y"},
        "events": ["MESSAGES_UPSERT"],
    }
    answer = await evolution.post(f"/webhook/set/{loja}", json={"webhook": block})
    found = await evolution.get(f"/webhook/find/{loja}")

    assert answer.status_code == 201
    row = answer.json()
    assert (row["events"], row["webhookByEvents"], row["headers"]) == (
        ["MESSAGES_UPSERT"],
        True,
        {"x": "y"},
    )
    assert found.json() == row


@pytest.mark.parametrize(
    ("body", "status", "complaint"),
    [
        ({"enabled": True, "url": URL, "events": []}, 400, 'requires property "webhook"'),
        ({"webhook": {"enabled": True, "url": URL}}, 500, "reading 'length'"),
        ({"webhook": {"url": URL, "events": []}}, 400, 'requires property "enabled"'),
        ({"webhook": {"enabled": True, "url": URL, "events": ["NOPE"]}}, 400, "enum values"),
    ],
)
async def test_wrong_bodies_are_refused_as_the_real_one_does(
    evolution: httpx2.AsyncClient, loja: str, body: dict[str, Any], status: int, complaint: str
) -> None:
    answer = await evolution.post(f"/webhook/set/{loja}", json=body)

    assert answer.status_code == status
    assert complaint in str(answer.json()["response"]["message"])


async def test_an_empty_list_means_every_event_and_off_means_none(
    evolution: httpx2.AsyncClient, loja: str
) -> None:
    on = {"webhook": {"enabled": True, "url": URL, "events": []}}
    off = {"webhook": {"enabled": False, "url": URL, "events": ["MESSAGES_UPSERT"]}}

    every = (await evolution.post(f"/webhook/set/{loja}", json=on)).json()
    none = (await evolution.post(f"/webhook/set/{loja}", json=off)).json()

    assert every["events"] == list(EVENTS)
    assert (none["enabled"], none["events"]) == (False, [])


async def test_find_without_a_webhook_is_null(evolution: httpx2.AsyncClient) -> None:
    body = {"instanceName": "bare", "integration": "WHATSAPP-BAILEYS"}
    await evolution.post("/instance/create", json=body)

    assert (await evolution.get("/webhook/find/bare")).json() is None


async def test_settings_need_all_six_flags(evolution: httpx2.AsyncClient, loja: str) -> None:
    flags = {
        "rejectCall": True,
        "groupsIgnore": True,
        "alwaysOnline": False,
        "readMessages": False,
        "readStatus": False,
        "syncFullHistory": False,
    }
    partial = await evolution.post(f"/settings/set/{loja}", json={"rejectCall": True})
    full = await evolution.post(f"/settings/set/{loja}", json=flags)
    found = (await evolution.get(f"/settings/find/{loja}")).json()

    assert partial.status_code == 400
    assert len(partial.json()["response"]["message"][0]) == 5
    assert full.status_code == 201
    assert found["groupsIgnore"] is True


async def test_a_changed_base64_flag_works_only_after_a_reconnect(
    evolution: httpx2.AsyncClient, door: httpx2.AsyncClient, loja: str
) -> None:
    off = {"webhook": {"enabled": True, "url": URL, "base64": False, "events": ["MESSAGES_UPSERT"]}}
    image = {"from": "5511988880001", "kind": "image"}
    path = f"/evolution/instances/{loja}"
    await evolution.post(f"/webhook/set/{loja}", json=off)

    await door.post(f"{path}/inbound", json=image)
    await door.post(f"{path}/transient")
    await door.post(f"{path}/inbound", json=image)

    journal = (await door.get("/evolution/webhooks", params={"event": "MESSAGES_UPSERT"})).json()
    inline = ["base64" in entry["body"]["data"]["message"] for entry in journal["deliveries"]]
    assert inline == [True, False]
