"""Connecting a number: with one click, once, and without a trace when it fails."""

import asyncio
import time
from typing import Any

import pytest

from common.contracts import ConnectionChanged
from common.testing import eventually

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

LICENCE = {
    "error": "service not activated",
    "code": "LICENSE_REQUIRED",
    "register_url": "https://evolution.example/register?id=7",
    "instance_id": "7",
}
ENVELOPES: dict[str, tuple[int, Any, int, str]] = {
    # shape: (status, body, what we answer, what the operator reads)
    "a string": (401, {"response": {"message": "Unauthorized"}}, 502, "AUTHENTICATION_API_KEY"),
    "a list": (400, {"response": {"message": ["Invalid integration"]}}, 502, "Invalid integration"),
    "a list of lists": (400, {"response": {"message": [["requires x"]]}}, 502, "requires x"),
    "an object in a list": (
        400,
        {"response": {"message": [{"jid": "x", "exists": False, "number": "5"}]}},
        502,
        "not on WhatsApp",
    ),
    "a Boom": (400, {"isBoom": True, "output": {"payload": {"message": "no"}}}, 502, "no"),
    "a server error": (500, {"response": {"message": "Internal"}}, 503, "Evolution server is up"),
    "no licence": (503, LICENCE, 502, "https://evolution.example/register?id=7"),
    "another server": (404, {"response": {"message": ["Cannot POST /x"]}}, 502, "EVOLUTION_URL"),
    "a page of a proxy": (404, "<html>not here</html>", 502, "EVOLUTION_URL"),
    "not there": (404, {"response": {"message": ["Not Found"]}}, 502, "EVOLUTION_URL"),
    "forbidden": (403, {"response": {"message": "Forbidden"}}, 502, "EVOLUTION_API_KEY"),
}


async def left(house: Any, tenant: Any) -> list[dict[str, Any]]:
    return list(await house.rows("select * from integration where tenant_id = :t", t=tenant.id))


async def test_a_number_is_connected_scanned_and_open(house: Any, tenant: Any) -> None:
    made = await tenant.connect(name="Front desk")
    assert (made["state"], made["name"], made["qr_available"]) == ("qr", "Front desk", True)
    code = await tenant.get(f"{tenant.channel}/qrcode")
    assert code["qrcode"].startswith("data:image/png;base64,")
    picture = await tenant.http.get(f"{tenant.channel}/qrcode", headers={"Accept": "image/png"})
    assert picture.content.startswith(b"\x89PNG")

    await house.control(f"/evolution/instances/{made['instance']}/scan", number="5511900001234")
    opened = await tenant.until("open")
    assert opened["phone"] == "+5511900001234"
    over = await tenant.http.get(f"{tenant.channel}/qrcode")
    assert (over.status_code, over.json()["code"]) == (409, "conflict")
    [listed] = await tenant.get("/api/integrations/whatsapp")
    assert listed["integration_id"] == made["integration_id"]


@pytest.mark.parametrize("shape", ENVELOPES)
async def test_each_shape_of_refusal_is_a_problem_that_says_what_to_do(
    house: Any, tenant: Any, shape: str
) -> None:
    status, body, answered, words = ENVELOPES[shape]
    fault = await house.fault(None, "status", "create", status=status, body=body, times=None)

    answer = await tenant.http.post(f"{tenant.channel}/connect")
    assert answer.status_code == answered, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert words in f"{told['detail']} {told.get('hint')}"
    # A create may have been done although it failed: it is never blindly repeated.
    assert await house.hits(fault) == 1
    assert await left(house, tenant) == []
    await house.mend()
    assert (await tenant.connect())["state"] == "qr"


@pytest.mark.parametrize("fault", ["refuse", "drop_before", "garbage"])
async def test_an_evolution_that_is_down_leaves_nothing_and_connects_afterwards(
    house: Any, tenant: Any, fault: str
) -> None:
    await house.fault(None, fault, "*", times=None)
    answer = await tenant.http.post(f"{tenant.channel}/connect")
    assert answer.status_code in {502, 503, 504}
    assert "connect the number again" in answer.json()["hint"]
    assert await left(house, tenant) == []
    gone = await tenant.http.get(f"{tenant.channel}/status")
    assert gone.status_code == 404

    await house.mend()
    assert (await tenant.connect())["state"] == "qr"


@pytest.mark.parametrize("fault", ["drop_after", "status_after"])
async def test_a_creation_that_was_done_and_not_answered_is_undone_at_evolution_too(
    house: Any, tenant: Any, fault: str
) -> None:
    await house.fault(None, fault, "create", status=502)
    before = set(await house.instances())
    answer = await tenant.http.post(f"{tenant.channel}/connect")
    assert answer.status_code in {502, 503, 504}
    assert await left(house, tenant) == []

    async def gone() -> bool:
        return set(await house.instances()) <= before

    await eventually(gone)
    assert (await tenant.connect())["state"] == "qr"


@pytest.mark.parametrize("fault", ["hang", "hang_after"])
async def test_an_evolution_that_hangs_is_told_of_in_time_and_undone_as_often_as_it_takes(
    house: Any, tenant: Any, fault: str
) -> None:
    await house.fault(None, fault, "create", seconds=60)
    await house.fault(None, "status", "delete", status=500, times=4)
    before, began = set(await house.instances()), time.monotonic()
    answer = await tenant.http.post(f"{tenant.channel}/connect")

    assert time.monotonic() - began < house.settings.create_seconds + 2
    assert (answer.status_code, answer.json()["code"]) == (504, "outcome_unknown")
    assert "connect the number again" in answer.json()["hint"]
    assert await left(house, tenant) == []

    async def gone() -> bool:
        return set(await house.instances()) <= before

    await eventually(gone, within=30)


async def test_a_slow_evolution_is_waited_for(house: Any, tenant: Any) -> None:
    await house.fault(None, "delay", "create", seconds=1.5)
    assert (await tenant.connect())["state"] == "qr"


async def test_without_the_agent_service_nothing_is_begun(house: Any, tenant: Any) -> None:
    house.agents.away = True
    try:
        answer = await tenant.http.post(f"{tenant.channel}/connect")
    finally:
        house.agents.away = False
    assert answer.status_code == 503
    assert "agent service" in answer.json()["hint"]
    assert await left(house, tenant) == []


async def test_a_foreign_agent_is_as_unknown_as_one_that_does_not_exist(
    house: Any, tenant: Any
) -> None:
    other = await house.tenant()
    for agent in (other.agent, "agt_nobody"):
        answer = await tenant.http.post(f"/api/agents/{agent}/channels/evolution/connect")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert await left(house, tenant) == []


async def test_pressed_twice_and_at_once_it_is_one_number(house: Any, tenant: Any) -> None:
    pressed = await asyncio.gather(*(tenant.connect() for _ in range(5)))
    again = await tenant.connect()

    assert {one["integration_id"] for one in [*pressed, again]} == {again["integration_id"]}
    assert len(await left(house, tenant)) == 1
    names = [name for name in await house.instances() if name == again["instance"]]
    assert names == [again["instance"]]


async def test_a_making_that_died_before_it_was_noted_is_taken_over(
    house: Any, tenant: Any
) -> None:
    made = await tenant.connect()
    # As a crash between Evolution's answer and our note leaves it, ninety seconds later.
    await house.rows(
        """update integration set created = false, creating_until = now(), sealed_token = null,
           state = 'connecting', qr_image = null where id = :id""",
        id=made["integration_id"],
    )
    again = await tenant.connect()

    assert (again["integration_id"], again["state"]) == (made["integration_id"], "qr")
    [row] = await left(house, tenant)
    assert row["created"]
    assert row["sealed_token"].startswith("s1.")


async def test_a_making_that_nobody_takes_up_again_is_settled_by_the_rounds(
    house: Any, tenant: Any
) -> None:
    made, other = await tenant.connect(), await house.tenant()
    lost = await other.connect()
    cut_off = "update integration set created = false, creating_until = now() where id = :id"
    for one in (made, lost):
        await house.rows(cut_off, id=one["integration_id"])
    name, headers = lost["instance"], {"apikey": "sandbox-global-key"}
    off = {"webhook": {"enabled": False, "url": "http://x", "events": []}}
    await house.evolution.post(f"/evolution/webhook/set/{name}", json=off, headers=headers)
    await house.evolution.delete(f"/evolution/instance/delete/{name}", headers=headers)
    await house.check(made, lost)

    async def settled() -> bool:
        mine, theirs = await left(house, tenant), await left(house, other)
        return bool(mine[0]["created"]) and theirs == []

    await eventually(settled)


async def test_a_cloud_number_is_open_at_once_and_its_token_is_sealed(
    house: Any, tenant: Any
) -> None:
    wish = {"channel": "cloud_api", "number": "106540352242922", "business_id": "1029384756"}
    refused = await tenant.http.post(f"{tenant.channel}/connect", json=wish)
    assert (refused.status_code, "token" in refused.json()["detail"]) == (422, True)
    made = await tenant.connect(**wish, token="EAAG-meta-token")

    assert (made["state"], made["channel"], made["qr_available"]) == ("open", "cloud_api", False)
    there = (await house.instances())[made["instance"]]
    assert (there["integration"], there["number"]) == ("WHATSAPP-BUSINESS", "106540352242922")
    [row] = await left(house, tenant)
    assert "EAAG" not in str(row)
    [opened] = await tenant.until_events(ConnectionChanged)
    assert opened.state == "open"


async def test_the_evolution_channel_is_open_at_once(house: Any, tenant: Any) -> None:
    made = await tenant.connect(channel="evolution")
    assert (made["state"], made["channel"]) == ("open", "evolution")
    other = await tenant.http.post(f"{tenant.channel}/connect", json={"channel": "baileys"})
    assert other.status_code == 409
