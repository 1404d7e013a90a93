"""A webhook address that leaked is believed no longer, whatever was rotated before it."""

import asyncio
from typing import Any

import pytest

from common.contracts import MessageReceived, new_id
from common.testing import eventually

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

BELIEVED = "select generation, previous_until from integration where id = :id"
LEAKED = {"grace_seconds": 0}


async def address(house: Any, number: dict[str, Any]) -> dict[str, Any]:
    """Where Evolution calls us for a number, and with which headers."""
    return dict((await house.instances())[number["instance"]]["webhook"])


async def rotate(tenant: Any, order: dict[str, Any] | None = None) -> None:
    await tenant.post(f"{tenant.channel}/rotate-secret", order, expect=202)


async def believed(house: Any, number: dict[str, Any]) -> tuple[int, bool]:
    """The generation of the present address, and whether the one before is believed too."""
    [row] = await house.rows(BELIEVED, id=number["integration_id"])
    return row["generation"], row["previous_until"] is not None


async def done(house: Any, number: dict[str, Any]) -> dict[str, Any]:
    """Wait until every rotation was carried out; gives the address that Evolution has then."""
    waiting = "select 1 from lane where key = :key and pending > 0"

    async def empty() -> bool:
        return not await house.rows(waiting, key=f"care:{number['integration_id']}")

    await eventually(empty, within=30, what="the rotations")
    return await address(house, number)


async def forge(house: Any, number: dict[str, Any], where: dict[str, Any], text: str) -> None:
    """Post a message to an address as somebody does who found it."""
    key = {"remoteJid": "5511988880001@s.whatsapp.net", "fromMe": False, "id": new_id("3A")}
    forged = {
        "event": "messages.upsert",
        "instance": number["instance"],
        "data": {"key": key, "message": {"conversation": text}, "messageTimestamp": 1795000000},
    }
    posted = await house.evolution.post(where["url"], json=forged, headers=where["headers"])
    assert posted.status_code == 200


async def only_the_real_one_arrives(
    house: Any, tenant: Any, number: dict[str, Any], *leaked: dict[str, Any]
) -> None:
    """Forge to each address; a number's webhooks are taken in order, the real one last."""
    before = len(house.mail.dead)
    for n, where in enumerate(leaked):
        await forge(house, number, where, f"forged {n}")
    await house.write(number["instance"], "real")
    await tenant.until_events(MessageReceived)

    def refused() -> int:
        return sum("rotated" in letter.reason for letter in house.mail.dead[before:])

    await eventually(lambda: refused() == len(leaked), what="the forged ones to be refused")
    assert [e.text for e in tenant.events(MessageReceived)] == ["real"]


async def test_an_address_that_leaked_is_refused_at_once(house: Any, tenant: Any) -> None:
    number = await tenant.open()
    leaked = await address(house, number)
    await rotate(tenant, LEAKED)
    assert await believed(house, number) == (2, False)
    await done(house, number)
    await only_the_real_one_arrives(house, tenant, number, leaked)


async def test_so_is_one_that_was_rotated_before_it_was_known_to_have_leaked(
    house: Any, tenant: Any
) -> None:
    number = await tenant.open()
    first = await address(house, number)
    await rotate(tenant)
    second = await done(house, number)
    assert await believed(house, number) == (2, True)
    again = await tenant.http.post(f"{tenant.channel}/rotate-secret")
    assert (again.status_code, "grace_seconds 0" in again.json()["hint"]) == (409, True)

    await rotate(tenant, LEAKED)
    assert await believed(house, number) == (3, False)
    third = await done(house, number)
    assert len({one["url"] for one in (first, second, third)}) == 3
    await only_the_real_one_arrives(house, tenant, number, first, second)


async def test_a_rotation_that_waits_for_evolution_revives_none(house: Any, tenant: Any) -> None:
    number = await tenant.open()
    first = await address(house, number)
    fault = await house.fault(number["instance"], "status", "webhook/set", status=500, times=None)
    await rotate(tenant, {"grace_seconds": 3600})

    async def tried() -> bool:
        return bool(await house.hits(fault))

    await eventually(tried)
    await rotate(tenant, LEAKED)
    await rotate(tenant, LEAKED)
    assert await believed(house, number) == (4, False)
    await house.mend()
    await done(house, number)
    assert await believed(house, number) == (4, False)
    await only_the_real_one_arrives(house, tenant, number, first)


async def test_a_rotation_that_is_being_carried_out_revives_none(house: Any, tenant: Any) -> None:
    number = await tenant.open()
    first = await address(house, number)
    fault = await house.fault(number["instance"], "delay", "webhook/set", seconds=1)
    await rotate(tenant, {"grace_seconds": 3600})

    async def under_way() -> bool:
        return bool(await house.hits(fault))

    await eventually(under_way)
    await rotate(tenant, LEAKED)
    await done(house, number)
    assert await believed(house, number) == (3, False)
    await only_the_real_one_arrives(house, tenant, number, first)


async def test_what_evolution_brought_to_a_leaked_address_is_found_by_comparison(
    house: Any, tenant: Any
) -> None:
    number = await tenant.open()

    async def compared(cause: str) -> list[Any]:
        sweeps = await tenant.get(f"{tenant.channel}/sweeps")
        return [sweep["repaired"] for sweep in sweeps if sweep["cause"] == cause]

    await eventually(lambda: compared("reopened"), what="the comparison after the scan")
    await house.fault(number["instance"], "delay", "webhook/set", seconds=1)
    await rotate(tenant, LEAKED)
    await house.write(number["instance"], "to the old address")
    [received] = await tenant.until_events(MessageReceived, within=30)
    assert received.text == "to the old address"
    await eventually(lambda: compared("leaked"), what="the comparison after the rotation")
    assert await compared("leaked") == [1]


async def test_ordered_at_once_an_ordinary_rotation_is_done_once(house: Any, tenant: Any) -> None:
    number = await tenant.open()
    path = f"{tenant.channel}/rotate-secret"
    ordered = await asyncio.gather(*(tenant.http.post(path) for _ in range(4)))
    assert sorted(answer.status_code for answer in ordered) == [202, 409, 409, 409]
    assert await believed(house, number) == (2, True)
