"""An operator's desk: what was said, how far it came, what waits and what to do about it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from common.contracts import MessageFailed, MessageReceived, MessageSent, SendMessage, new_id
from common.contracts.commands import Text
from common.db import Sql
from common.testing import eventually

_AUDIT = Sql("select action from audit_log where tenant_id = :tenant")

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


async def say(house: Any, tenant: Any, chat: str, number: dict[str, Any], text: str) -> str:
    command = SendMessage(
        command_id=new_id("cmd"),
        chat_id=chat,
        integration_id=number["integration_id"],
        content=Text(text=text),
    )
    await house.publish(tenant, command)
    return str(command.command_id)


async def sends(tenant: Any) -> list[dict[str, Any]]:
    """The lanes of messages that wait to be sent."""
    return [lane for lane in await tenant.get("/api/lanes") if lane["queue"] == "sends"]


def at(written: str) -> datetime:
    return datetime.fromisoformat(written).astimezone(UTC)


async def test_a_message_shows_its_journey_from_being_written_to_being_read(
    house: Any, tenant: Any
) -> None:
    number = await tenant.open()
    where = f"/evolution/instances/{number['instance']}"
    await house.write(number["instance"], "how much is it?")
    [received] = await tenant.until_events(MessageReceived)
    command = await say(house, tenant, received.chat_id, number, "ten")
    [sent] = await tenant.until_events(MessageSent)
    for status in ("DELIVERY_ACK", "READ"):
        await house.control(f"{where}/ack", key_id=sent.message_id, status=status)
    path = f"/api/chats/{received.chat_id}/messages"

    async def read() -> bool:
        return bool((await tenant.get(path))[0]["delivery"] == "read")

    await eventually(read)
    answer, question = await tenant.get(path)
    assert (question["state"], question["text"]) == ("received", "how much is it?")
    way = question["journey"]
    assert at(way["stored_at"]) <= at(way["answered_at"]) <= at(way["answer_sent_at"]) or (
        # WhatsApp tells whole seconds.
        at(way["answer_sent_at"]).microsecond == 0
    )
    assert (answer["state"], answer["command_id"]) == ("sent", command)
    way = answer["journey"]
    assert at(way["asked_at"]) <= at(way["sending_at"]) <= at(way["delivered_at"])
    assert at(way["delivered_at"]) <= at(way["read_at"])
    assert way["failed_at"] is None


async def refused(tenant: Any, pending: int) -> dict[str, Any]:
    """Wait until so many messages wait for a number that is not connected."""
    lanes: list[dict[str, Any]] = []

    async def waiting() -> bool:
        lanes[:] = await sends(tenant)
        told = lanes and "not connected" in str(lanes[0]["last_error"])
        return bool(told and lanes[0]["pending"] == pending)

    await eventually(waiting)
    [lane] = lanes
    assert lane["attempts"] > 0
    return lane


async def test_what_waits_is_shown_with_the_reason_and_goes_when_it_is_let(
    house: Any, tenant: Any
) -> None:
    number = await tenant.open()
    where = f"/evolution/instances/{number['instance']}"
    await house.write(number["instance"])
    [received] = await tenant.until_events(MessageReceived)
    await house.control(f"{where}/close", reason="connection_closed")
    await say(house, tenant, received.chat_id, number, "first")
    second = await say(house, tenant, received.chat_id, number, "second")
    lane = await refused(tenant, 2)
    order = {"queue": lane["queue"], "key": lane["key"]}
    waiting = await tenant.get(f"/api/chats/{received.chat_id}/messages")
    assert [m["state"] for m in waiting if m["outgoing"]] == ["queued", "queued"]

    async def parked() -> bool:
        body = {**order, "reason": "wrong customer"}
        return bool((await tenant.http.post("/api/lanes/park", json=body)).is_success)

    await eventually(parked)
    [failed] = await tenant.until_events(MessageFailed)
    assert "wrong customer" in failed.reason
    given_up = await tenant.get(f"/api/chats/{received.chat_id}/messages")
    [one] = [m for m in given_up if m["state"] == "failed"]
    assert (one["text"], one["reason"]) == ("first", failed.reason)

    await house.control(f"{where}/transient")
    await house.rows(
        "update lane set due_at = now() + interval '1 hour' where key = :key and not leased",
        key=lane["key"],
    )
    await tenant.http.post("/api/lanes/retry", json=order)
    [sent] = await tenant.until_events(MessageSent)
    assert sent.command_id == second
    audit = await house.accounts.execute(_AUDIT, {"tenant": tenant.id})
    assert any("/api/lanes/park" in row["action"] for row in audit)


async def test_lanes_of_others_are_not_there(house: Any, tenant: Any) -> None:
    number = await tenant.open()
    await house.write(number["instance"])
    [received] = await tenant.until_events(MessageReceived)
    await house.control(
        f"/evolution/instances/{number['instance']}/close", reason="connection_closed"
    )
    await say(house, tenant, received.chat_id, number, "mine")
    lanes: list[dict[str, Any]] = []

    async def waits() -> bool:
        lanes[:] = await sends(tenant)
        return bool(lanes)

    await eventually(waits)
    other = await house.tenant()
    assert await other.get("/api/lanes") == []
    order = {"queue": lanes[0]["queue"], "key": lanes[0]["key"]}
    for verb, why in (("resume", {}), ("retry", {}), ("park", {"reason": "mischief"})):
        answer = await other.http.post(f"/api/lanes/{verb}", json=order | why)
        assert answer.status_code == 404, verb
    assert len(await sends(tenant)) == 1


async def test_a_person_known_by_lid_first_and_by_phone_later_is_one_chat(
    house: Any, tenant: Any
) -> None:
    number = await tenant.open()
    lid, phone = "277777777777777", "5511966660000"
    by_lid = {"from": None, "lid": lid}
    await house.write(number["instance"], "1", **by_lid)
    [first] = await tenant.until_events(MessageReceived)
    await say(house, tenant, first.chat_id, number, "a")
    await tenant.until_events(MessageSent)
    await house.write(number["instance"], "2", **{"from": phone, "lid": lid})
    await tenant.until_events(MessageReceived, 2)
    await say(house, tenant, first.chat_id, number, "b")
    sent = await tenant.until_events(MessageSent, 2)
    await house.write(number["instance"], "3", **{"from": phone})
    received = await tenant.until_events(MessageReceived, 3)

    [chat] = await tenant.get("/api/chats")
    assert (chat["phone"], chat["lid"]) == (f"+{phone}", lid)
    assert {event.chat_id for event in [*received[1:], sent[1]]} == {chat["id"]}
    history = await tenant.get(f"/api/chats/{chat['id']}/messages")
    said = sorted(history, key=lambda one: one["stored_at"])
    assert [one["text"] for one in said] == ["1", "a", "2", "b", "3"]


async def test_webhooks_told_twice_and_in_any_order_are_told_once(house: Any, tenant: Any) -> None:
    number = await tenant.open()
    name = number["instance"]
    await house.fault(name, "duplicate_webhook", "*", times=None)
    await house.fault(name, "reorder_webhooks", "*", times=20, seconds=0.2)
    for n in range(60):
        person = {"from": f"551195555{n % 6:04d}"}
        await house.write(name, f"{n}", duplicate=n % 3 == 0, **person)
    await tenant.until_events(MessageReceived, 60)
    await house.write(name, "the last", **{"from": "5511955559999"})
    received = await tenant.until_events(MessageReceived, 61)

    texts = sorted(event.text for event in received)
    lost = 60 - len({text for text in texts if text != "the last"})
    print(f"60 messages, told twice and reordered: {lost} lost, {len(texts) - 61} doubled")  # noqa: T201 - the figure is asked for
    assert texts == sorted([*(str(n) for n in range(60)), "the last"])
