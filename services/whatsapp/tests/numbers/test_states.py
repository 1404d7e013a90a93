"""How a number stands: told, asked, and concluded from what arrives."""

import asyncio
import json
from functools import partial
from typing import Any

import pytest

from common.contracts import ConnectionChanged, MessageSent, SendMessage, new_id
from common.contracts.commands import Text
from common.service import Parts
from common.testing import eventually, running
from whatsapp_service.app.changes import NumberChanges

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


def states(tenant: Any) -> list[str]:
    return [str(event.state) for event in tenant.events(ConnectionChanged)]


async def send(house: Any, tenant: Any, number: dict[str, Any], text: str) -> str:
    """Let the customer write, and answer him."""
    await house.write(number["instance"])
    chats: list[Any] = []

    async def known() -> bool:
        chats[:] = await tenant.get("/api/chats")
        return bool(chats)

    await eventually(known)
    command = SendMessage(
        command_id=new_id("cmd"),
        chat_id=chats[0]["id"],
        integration_id=number["integration_id"],
        content=Text(text=text),
    )
    await house.publish(tenant, command)
    return str(command.command_id)


async def settle(house: Any, number: dict[str, Any]) -> None:
    """Let so much time pass as makes a change old."""
    await house.rows(
        "update integration set updated_at = now() - interval '1 minute' where id = :id",
        id=number["integration_id"],
    )


async def test_a_storm_of_two_thousand_updates_is_told_as_a_few_changes(
    house: Any, tenant: Any
) -> None:
    number = await tenant.open()
    await tenant.until_events(ConnectionChanged, 3)
    before = len(tenant.events())
    await house.control(f"/evolution/instances/{number['instance']}/storm", count=2000)
    await house.control(f"/evolution/instances/{number['instance']}/transient")

    async def delivered() -> bool:
        told = (await house.evolution.get("/_sandbox/evolution/webhooks?event=CALL")).json()
        return bool(told["by_outcome"]["pending"] == 0)

    await eventually(delivered, within=60, what="every update delivered")
    await tenant.until("open")
    await house.write(number["instance"], "after the storm")

    async def heard() -> bool:
        return bool(await tenant.get("/api/chats"))

    await eventually(heard)
    news = tenant.events()[before:]
    changes = [e for e in news if isinstance(e, ConnectionChanged)]
    print(f"2,002 connection updates: {len(changes)} changes told")  # noqa: T201 - the figure is asked for
    assert len(changes) <= 12
    assert (await tenant.status())["state"] == "open"


async def test_connecting_for_too_long_counts_as_closed_until_it_is_open(
    house: Any, tenant: Any
) -> None:
    number = await tenant.open()
    await house.control(f"/evolution/instances/{number['instance']}/transient", seconds=3600)
    await tenant.until("connecting")
    await settle(house, number)
    await house.check(number)
    closed = await tenant.until("closed")
    assert "out of reach" in closed["reason"]

    await house.control(f"/evolution/instances/{number['instance']}/storm", count=50)
    await house.control(f"/evolution/instances/{number['instance']}/scan")
    await tenant.until("open")
    assert states(tenant)[-2:] == ["closed", "open"]


async def test_a_number_that_no_webhook_told_of_is_found_by_asking(house: Any, tenant: Any) -> None:
    number = await tenant.open()
    where = f"/evolution/instances/{number['instance']}"
    for event in ("CONNECTION_UPDATE", "STATUS_INSTANCE", "LOGOUT_INSTANCE"):
        await house.fault(number["instance"], "drop_webhook", event, times=None)
    await house.control(f"{where}/close", reason=401)
    await settle(house, number)
    await house.check(number)

    lost = await tenant.until("needs_scan")
    assert "Scan the QR code again" in lost["reason"]


async def test_an_evolution_that_is_silent_for_three_checks_closes_its_numbers_and_opens_them(
    house: Any, tenant: Any
) -> None:
    number = await tenant.open()
    await house.fault(number["instance"], "refuse", "connectionState", times=None)
    for count in range(1, 4):
        assert (await tenant.status())["state"] == "open"
        await house.check(number)
        await eventually(partial(_missed, house, number, count), within=30)
    closed = await tenant.until("closed")
    assert "does not answer" in closed["reason"]

    await house.mend()
    await settle(house, number)

    async def asked_again() -> bool:
        # The breaker lets nobody through for a while: the rounds come back to it.
        await house.check(number)
        return bool((await tenant.status())["state"] == "open")

    await eventually(asked_again, within=45)


async def test_a_licence_that_is_missing_is_what_the_operator_reads(
    house: Any, tenant: Any
) -> None:
    number = await tenant.open()
    fault = await house.fault(number["instance"], "license_required", "connectionState", times=None)
    for count in range(1, 4):
        await house.check(number)
        await eventually(partial(_hit, house, fault, count))
    closed = await tenant.until("closed")
    assert "not activated" in closed["reason"]
    assert await house.hits(fault) == 3


async def _missed(house: Any, number: dict[str, Any], count: int) -> bool:
    asked = "select 1 from integration where id = :id and missed_checks = :n"
    return bool(await house.rows(asked, id=number["integration_id"], n=count))


async def _hit(house: Any, fault: int, count: int) -> bool:
    return bool(await house.hits(fault) >= count)


async def test_a_number_that_was_removed_at_evolution_is_deleted_and_can_be_connected_anew(
    house: Any, tenant: Any
) -> None:
    number = await tenant.open()
    name, headers = number["instance"], {"apikey": "sandbox-global-key"}
    off = {"webhook": {"enabled": False, "url": "http://x", "events": []}}
    await house.evolution.post(f"/evolution/webhook/set/{name}", json=off, headers=headers)
    await house.evolution.delete(f"/evolution/instance/delete/{name}", headers=headers)
    await house.check(number)
    gone = await tenant.until("deleted")
    assert "Connect it again" in gone["reason"]

    again = await tenant.connect()
    assert (again["integration_id"], again["state"]) == (number["integration_id"], "qr")


async def test_silence_after_sending_degrades_a_number_and_an_ack_opens_it(
    house: Any, tenant: Any
) -> None:
    number = await tenant.open()
    await send(house, tenant, number, "is anybody there?")
    [sent] = await tenant.until_events(MessageSent)
    await house.rows(
        "update whatsapp_message set sent_at = sent_at - interval '5 s' where message_id = :id",
        id=sent.message_id,
    )
    await settle(house, number)
    await house.check(number)
    degraded = await tenant.until("degraded")
    assert "arrived" in degraded["reason"]

    await settle(house, number)
    await house.check(number)
    assert (await tenant.status())["state"] == "degraded"
    ack = {"key_id": sent.message_id, "status": "DELIVERY_ACK"}
    await house.control(f"/evolution/instances/{number['instance']}/ack", **ack)
    await tenant.until("open")
    assert states(tenant)[-2:] == ["degraded", "open"]


async def test_a_dead_socket_degrades_a_number_and_a_restart_sends_what_waited(
    house: Any, tenant: Any
) -> None:
    number = await tenant.open()
    where = f"/evolution/instances/{number['instance']}"
    await house.control(f"{where}/close", reason="connection_closed")
    command = await send(house, tenant, number, "waiting")

    async def backed_off() -> bool:
        await house.rows(
            """update lane set attempts = 3, due_at = now() + interval '1 hour'
               where pace_key = :id and pending > 0 and attempts between 1 and 2
                 and not leased""",
            id=number["integration_id"],
        )
        return bool(
            await house.rows(
                "select 1 from lane where pace_key = :id and attempts = 3 and not leased",
                id=number["integration_id"],
            )
        )

    await eventually(backed_off)
    await settle(house, number)
    await house.check(number)
    degraded = await tenant.until("degraded")
    assert "socket is dead" in degraded["reason"]

    await tenant.post(f"{tenant.channel}/reconnect")
    await tenant.until("open")
    [sent] = await tenant.until_events(MessageSent)
    assert sent.command_id == command


async def test_changes_are_streamed_through_the_gateway_until_the_number_is_open(
    house: Any, tenant: Any
) -> None:
    made = await tenant.connect()
    seen: list[dict[str, Any]] = []

    async def watch() -> None:
        path = f"{tenant.channel}/events?until=open"
        async with tenant.http.stream("GET", path) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            async for line in answer.aiter_lines():
                name, _, data = line.partition(": ")
                if name == "data":
                    seen.append(json.loads(data))

    watching = asyncio.create_task(watch())
    await eventually(lambda: len(seen) == 1, what="the state at once")
    assert seen[0]["qr"]["qrcode"].startswith("data:image/png")
    await house.control(
        f"/evolution/instances/{made['instance']}/event",
        event="QRCODE_UPDATED",
        data={"qrcode": {"code": "2@fresh", "base64": "data:image/png;base64,iVBORw0KGgo="}},
    )
    await eventually(lambda: seen[-1]["qr"]["code"] == "2@fresh", what="the fresh code")
    await house.control(f"/evolution/instances/{made['instance']}/scan")

    await asyncio.wait_for(watching, 10)
    assert (seen[-1]["state"], seen[-1]["qr"]) == ("open", None)


async def test_nobody_can_watch_a_foreign_number(house: Any, tenant: Any) -> None:
    await tenant.connect()
    other = await house.tenant()
    answer = await other.http.get(f"{tenant.channel}/events")
    assert answer.status_code == 404


async def test_a_change_is_heard_in_every_process_also_after_its_connection_was_cut(
    house: Any, tenant: Any
) -> None:
    made = await tenant.connect()
    elsewhere = NumberChanges(house.settings.sqlalchemy_url)
    async with running(Parts(None, [elsewhere])):
        with elsewhere.listen(made["integration_id"]) as ear:
            assert await ear.wait(10), "everybody is told when listening begins"
            await house.control(f"/evolution/instances/{made['instance']}/scan")
            assert await ear.wait(10)
            await tenant.until("open")
            while await ear.wait(0.2):
                """Whatever else was told of the scan."""
            await house.rows(
                """select pg_terminate_backend(pid) from pg_stat_activity
                   where datname = current_database() and query = 'select 1'
                     and pid <> pg_backend_pid()"""
            )
            await tenant.http.patch(tenant.channel, json={"name": "renamed meanwhile"})
            assert await ear.wait(10), "told when the connection is back"
    with elsewhere.listen(made["integration_id"]) as late:
        assert late.closed
