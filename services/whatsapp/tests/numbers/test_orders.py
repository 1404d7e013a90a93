"""What operators order for a number, and what becomes of what was under way."""

from typing import Any

import pytest

from common.contracts import ConnectionChanged, MessageFailed, MessageReceived, new_id
from common.contracts.commands import SendMessage, Text
from common.testing import eventually

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

GENERATION = "select generation, previous_until, deleting from integration where id = :id"


async def row(house: Any, number: dict[str, Any]) -> dict[str, Any]:
    [found] = await house.rows(GENERATION, id=number["integration_id"])
    return dict(found)


async def webhook(house: Any, number: dict[str, Any]) -> dict[str, Any]:
    """The address that Evolution calls for a number."""
    return dict((await house.instances())[number["instance"]]["webhook"])


async def test_a_disconnected_number_is_scanned_again(house: Any, tenant: Any) -> None:
    number = await tenant.open()
    unlinked = await tenant.post(f"{tenant.channel}/disconnect")
    assert unlinked["state"] == "needs_scan"
    assert (await house.instances())[number["instance"]]["connectionStatus"] == "close"

    shown = await tenant.post(f"{tenant.channel}/reconnect")
    assert (shown["state"], shown["qr_available"]) == ("qr", True)
    await house.control(f"/evolution/instances/{number['instance']}/scan")
    await tenant.until("open")


async def test_an_open_number_is_restarted_without_a_scan(house: Any, tenant: Any) -> None:
    await tenant.open()
    await tenant.post(f"{tenant.channel}/reconnect")
    await tenant.until("open")
    states = [e.state for e in tenant.events(ConnectionChanged)]
    assert "needs_scan" not in states


async def test_a_phone_that_cannot_scan_types_a_code(house: Any, tenant: Any) -> None:
    made = await tenant.connect()
    order = {"phone": "+55 (11) 98888-0001"}
    shown = await tenant.post(f"{tenant.channel}/pairing-code", order)
    assert len(shown["pairing_code"]) == 8

    async def kept() -> bool:
        # The webhooks of the session that ended before it may still be on their way.
        answer = await tenant.http.get(f"{tenant.channel}/qrcode")
        return bool(answer.json().get("pairing_code") == shown["pairing_code"])

    await eventually(kept, what="the code to be kept")
    for wrong in ("hello", "12", "+0 11 98888"):
        refused = await tenant.http.post(f"{tenant.channel}/pairing-code", json={"phone": wrong})
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")

    await house.control(f"/evolution/instances/{made['instance']}/scan")
    await tenant.until("open")
    late = await tenant.http.post(f"{tenant.channel}/pairing-code", json=order)
    assert late.status_code == 409


async def test_a_number_has_the_name_that_operators_give_it(house: Any, tenant: Any) -> None:
    await tenant.connect()
    renamed = await tenant.http.patch(tenant.channel, json={"name": " Loja Centro "})
    assert renamed.json()["name"] == "Loja Centro"
    for wrong in ("", "  ", "two\nlines"):
        refused = await tenant.http.patch(tenant.channel, json={"name": wrong})
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input"), wrong
    assert (await tenant.status())["name"] == "Loja Centro"


@pytest.mark.parametrize("body", [{"chanel": "cloud_api"}, {"name": "  "}], ids=str)
async def test_a_wish_that_was_misspelled_makes_no_number(
    house: Any, tenant: Any, body: dict[str, Any]
) -> None:
    answer = await tenant.http.post(f"{tenant.channel}/connect", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input"), answer.text
    assert await tenant.get("/api/integrations/whatsapp") == []


async def test_an_order_that_was_misspelled_does_nothing(house: Any, tenant: Any) -> None:
    number = await tenant.connect()
    before = await row(house, number)
    misspelled: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", f"{tenant.channel}/rotate-secret", {"grace": 0}),
        ("POST", f"{tenant.channel}/pairing-code", {"phone": "+5511988880001", "number": "2"}),
        ("PATCH", tenant.channel, {"name": "Loja", "names": "Loja"}),
        ("POST", "/api/lanes/resume", {"key": "care:x", "reason": "mended"}),
    ]
    for method, path, body in misspelled:
        answer = await tenant.http.request(method, path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input"), path
    assert (await row(house, number), (await tenant.status())["name"]) == (before, None)


async def test_a_rotated_address_loses_nothing_that_is_on_its_way(house: Any, tenant: Any) -> None:
    number = await tenant.open()
    old = await webhook(house, number)
    await house.write(number["instance"], "before")
    # Evolution fails to deliver, and repeats with the address that it had then.
    held = await house.fault(number["instance"], "delay_webhook", "MESSAGES_UPSERT", seconds=3)
    await house.write(number["instance"], "in flight")
    await tenant.post(f"{tenant.channel}/rotate-secret", expect=202)

    async def rotated() -> bool:
        return bool((await webhook(house, number))["url"] != old["url"])

    await eventually(rotated)
    new = await webhook(house, number)
    assert new["headers"] != old["headers"]
    await house.write(number["instance"], "after")
    received = await tenant.until_events(MessageReceived, 3)
    assert {event.text for event in received} == {"before", "in flight", "after"}
    assert await house.hits(held) == 1
    again = await tenant.http.post(f"{tenant.channel}/rotate-secret")
    assert (again.status_code, "rotate again after" in again.json()["hint"]) == (409, True)


async def test_a_rotation_that_evolution_refuses_is_tried_until_it_is_done(
    house: Any, tenant: Any
) -> None:
    number = await tenant.open()
    old = await webhook(house, number)
    fault = await house.fault(number["instance"], "status", "webhook/set", status=500, times=4)
    await tenant.post(f"{tenant.channel}/rotate-secret", expect=202)
    await house.write(number["instance"], "meanwhile")
    await tenant.until_events(MessageReceived)

    async def rotated() -> bool:
        return bool((await webhook(house, number))["url"] != old["url"])

    await eventually(rotated)
    assert await house.hits(fault) == 4


@pytest.mark.parametrize("cut", ["", "webhook/set", "logout", "delete"])
async def test_a_deleted_number_is_gone_at_evolution_whatever_goes_wrong(
    house: Any, tenant: Any, cut: str
) -> None:
    number = await tenant.open()
    if cut:
        await house.fault(number["instance"], "drop_after", cut, times=2)
    gone = await tenant.http.delete(tenant.channel)
    assert (gone.status_code, gone.json()["state"]) == (202, "deleted")
    await tenant.http.delete(tenant.channel)

    async def removed() -> bool:
        left = number["instance"] in await house.instances()
        return not left and not (await row(house, number))["deleting"]

    await eventually(removed, within=30)
    changes = [e.state for e in tenant.events(ConnectionChanged)]
    assert (changes.count("deleted"), changes[-1]) == (1, "deleted")
    again = await tenant.connect()
    assert (again["integration_id"], again["state"]) == (number["integration_id"], "qr")


async def test_a_number_whose_webhook_is_dead_is_deleted_without_waiting_for_it(
    house: Any, tenant: Any
) -> None:
    number = await tenant.open()
    there = await webhook(house, number)
    dead = {**there, "url": "http://127.0.0.1:9/dead", "events": []}
    await house.evolution.post(
        f"/evolution/webhook/set/{number['instance']}",
        json={"webhook": dead},
        headers={"apikey": "sandbox-global-key"},
    )
    await tenant.http.delete(tenant.channel)

    async def removed() -> bool:
        return number["instance"] not in await house.instances()

    await eventually(removed, within=20)


async def test_while_it_is_removed_it_cannot_be_connected_and_then_its_messages_fail(
    house: Any, tenant: Any
) -> None:
    number = await tenant.open()
    await house.write(number["instance"])
    [chat] = await _chats(tenant)
    await house.fault(number["instance"], "refuse", "delete", times=None)
    await house.control(
        f"/evolution/instances/{number['instance']}/close", reason="connection_closed"
    )
    command = SendMessage(
        command_id=new_id("cmd"),
        chat_id=chat["id"],
        integration_id=number["integration_id"],
        content=Text(text="too late"),
    )
    await house.publish(tenant, command)
    await tenant.http.delete(tenant.channel)

    blocked = await tenant.http.post(f"{tenant.channel}/connect")
    assert (blocked.status_code, "being removed" in blocked.json()["detail"]) == (409, True)
    for order in ("disconnect", "reconnect", "rotate-secret", "repair"):
        refused = await tenant.http.post(f"{tenant.channel}/{order}")
        assert refused.status_code == 409, order
    [failed] = await tenant.until_events(MessageFailed)
    assert (failed.command_id, "deleted" in failed.code) == (command.command_id, True)
    await house.mend()


async def _chats(tenant: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    async def there() -> bool:
        found[:] = await tenant.get("/api/chats")
        return bool(found)

    await eventually(there)
    return found


async def test_orders_for_a_foreign_number_are_for_nobody(house: Any, tenant: Any) -> None:
    await tenant.connect()
    other = await house.tenant()
    orders: list[tuple[str, str, Any]] = [
        ("POST", "/disconnect", None),
        ("POST", "/reconnect", None),
        ("POST", "/pairing-code", {"phone": "+5511988880001"}),
        ("POST", "/rotate-secret", None),
        ("POST", "/repair", None),
        ("PATCH", "", {"name": "mine"}),
        ("DELETE", "", None),
        ("GET", "/sweeps", None),
        ("GET", "/qrcode", None),
    ]
    for method, path, body in orders:
        answer = await other.http.request(method, f"{tenant.channel}{path}", json=body)
        assert answer.status_code == 404, (method, path)
    assert (await tenant.status())["state"] == "qr"
