"""What no webhook brought is found by comparing, and told as if it had been brought."""

from datetime import timedelta
from typing import Any

import pytest

from common.contracts import (
    DeliveryStatus,
    MessageDeliveryUpdated,
    MessageReceived,
    MessageSent,
    SendMessage,
    new_id,
    utc_now,
)
from common.contracts.commands import Text
from common.testing import eventually

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

SWEPT = ("checked", "missing", "repaired", "levels", "complete", "cause")


async def sweep(tenant: Any, cause: str = "asked") -> dict[str, Any]:
    """Wait for the newest comparison with a cause."""
    found: list[dict[str, Any]] = []

    async def there() -> bool:
        found[:] = [s for s in await tenant.get(f"{tenant.channel}/sweeps") if s["cause"] == cause]
        return bool(found)

    await eventually(there, within=30)
    return found[0]


async def compared(tenant: Any) -> dict[str, Any]:
    """Open a number, and wait until the comparison that follows is over."""
    number = await tenant.open()
    await sweep(tenant, "reopened")
    return dict(number)


async def test_what_was_written_during_an_outage_is_told_in_its_order(
    house: Any, tenant: Any
) -> None:
    number = await compared(tenant)
    await house.write(number["instance"], "known")
    await tenant.until_events(MessageReceived)
    now = int(utc_now().timestamp())
    people = [f"55119777700{n:02d}" for n in range(5)]
    for n in range(250):
        await house.write(
            number["instance"],
            f"{n}",
            silent=True,
            timestamp=now - 60 + n // 10,
            **{"from": people[n % 5]},
        )
    await tenant.post(f"{tenant.channel}/repair", expect=202)

    found = await sweep(tenant)
    assert {name: found[name] for name in SWEPT} == {
        "checked": 251,
        "missing": 250,
        "repaired": 250,
        "levels": 0,
        "complete": True,
        "cause": "asked",
    }
    received = await tenant.until_events(MessageReceived, 251)
    chats: dict[str, list[int]] = {}
    for event in received[1:]:
        chats.setdefault(event.chat_id, []).append(int(event.text))
    lost = 250 - sum(len(said) for said in chats.values())
    doubled = sum(len(said) - len(set(said)) for said in chats.values())
    print(f"250 unheard messages: {lost} lost, {doubled} doubled")  # noqa: T201 - the figure is asked for
    assert (lost, doubled, len(chats)) == (0, 0, 5)
    assert all(not event.stale for event in received)


async def test_a_second_comparison_finds_nothing_and_old_messages_are_stale(
    house: Any, tenant: Any
) -> None:
    number = await compared(tenant)
    long_ago = utc_now() - timedelta(minutes=9)
    await house.write(
        number["instance"], "recent", silent=True, timestamp=int(long_ago.timestamp())
    )
    ago = "update integration set swept_until = now() - interval '2 hours' where id = :id"
    await house.rows(ago, id=number["integration_id"])
    older = int((utc_now() - timedelta(hours=1)).timestamp())
    await house.write(number["instance"], "old", silent=True, timestamp=older)
    await tenant.post(f"{tenant.channel}/repair", expect=202)

    assert (await sweep(tenant))["repaired"] == 2
    received = await tenant.until_events(MessageReceived, 2)
    assert [(event.text, event.stale) for event in received] == [("old", True), ("recent", False)]
    await house.rows(ago, id=number["integration_id"])
    await tenant.post(f"{tenant.channel}/repair", expect=202)

    async def again() -> bool:
        swept = await tenant.get(f"{tenant.channel}/sweeps")
        return len([one for one in swept if one["cause"] == "asked"]) == 2

    await eventually(again, within=20)
    second = await sweep(tenant)
    assert (second["checked"], second["missing"]) == (2, 0)
    assert len(tenant.events(MessageReceived)) == 2


async def test_a_number_that_opens_again_is_compared_without_being_asked(
    house: Any, tenant: Any
) -> None:
    number = await compared(tenant)
    where = f"/evolution/instances/{number['instance']}"
    await house.write(number["instance"], "unheard", silent=True)
    await house.control(f"{where}/transient", seconds=0.5)

    await tenant.until_events(MessageReceived, within=30)
    [received] = tenant.events(MessageReceived)
    assert received.text == "unheard"


async def test_levels_that_no_webhook_told_are_made_good(house: Any, tenant: Any) -> None:
    number = await compared(tenant)
    await house.write(number["instance"])
    [received] = await tenant.until_events(MessageReceived)
    command = SendMessage(
        command_id=new_id("cmd"),
        chat_id=received.chat_id,
        integration_id=number["integration_id"],
        content=Text(text="did it arrive?"),
    )
    await house.publish(tenant, command)
    [sent] = await tenant.until_events(MessageSent)
    await house.fault(number["instance"], "drop_webhook", "MESSAGES_UPDATE", times=None)
    for status in ("SERVER_ACK", "DELIVERY_ACK", "READ"):
        ack = {"key_id": sent.message_id, "status": status}
        await house.control(f"/evolution/instances/{number['instance']}/ack", **ack)
    await tenant.post(f"{tenant.channel}/repair", expect=202)

    found = await sweep(tenant)
    assert (found["missing"], found["levels"]) == (0, 1)
    [told] = await tenant.until_events(MessageDeliveryUpdated)
    assert (told.message_id, told.status) == (sent.message_id, DeliveryStatus.READ)


async def test_a_comparison_that_is_cut_off_begins_again(house: Any, tenant: Any) -> None:
    number = await compared(tenant)
    await house.write(number["instance"], "unheard", silent=True)
    fault = await house.fault(number["instance"], "status", "findMessages", status=500, times=4)
    await tenant.post(f"{tenant.channel}/repair", expect=202)

    found = await sweep(tenant)
    assert (found["repaired"], await house.hits(fault)) == (1, 4)


async def test_a_file_that_no_webhook_brought_is_fetched_too(house: Any, tenant: Any) -> None:
    number = await compared(tenant)
    await house.write(number["instance"], kind="image", silent=True)
    await tenant.post(f"{tenant.channel}/repair", expect=202)
    await tenant.until_events(MessageReceived, within=20)

    async def stored() -> bool:
        rows = await house.rows("select state from media where tenant_id = :t", t=tenant.id)
        return [row["state"] for row in rows] == ["stored"]

    await eventually(stored)
