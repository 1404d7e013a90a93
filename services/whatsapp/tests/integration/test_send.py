"""Send commands become WhatsApp messages exactly once, on real Kafka, Postgres and sandbox."""

from typing import Any

import pytest
from whatsapp_stage import resume, texts, until_sent

from common.contracts import (
    ChatId,
    DeliveryStatus,
    MessageDeliveryUpdated,
    MessageFailed,
    MessageSent,
)
from common.testing import eventually

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

LAST_ERROR = """
    select j.last_error from lane l join lane_job j on j.lane_key = l.key and j.seq = l.head_seq
    where l.pace_key = :id and j.last_error like :like"""


async def test_a_command_is_sent_recorded_and_followed_to_its_reader(stage: Any) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    [command] = await stage.send(number, chat, "hello")

    updates = await stage.until_events(number, MessageDeliveryUpdated, 3)
    [sent] = stage.events(number, MessageSent)
    assert (sent.command_id, sent.chat_id, sent.text) == (command, chat, "hello")
    assert [(e.status, e.command_id, e.message_id) for e in updates] == [
        (status, command, sent.message_id)
        for status in (DeliveryStatus.SENT, DeliveryStatus.DELIVERED, DeliveryStatus.READ)
    ]
    assert texts(await stage.sent(number)) == ["hello"]
    [row] = await stage.rows("select * from outbound where command_id = :c", c=command)
    assert (row["state"], row["message_id"]) == ("sent", sent.message_id)


async def test_the_same_command_twice_sends_once_and_is_answered_with_the_first_outcome(
    stage: Any,
) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    once = stage.command(number, chat, "hello", command_id="cmd_once_" + number.id)
    again = stage.command(number, chat, "hello", command_id=once.event.command_id)
    await stage.publish(once, again, once)
    await until_sent(stage, number, 1)
    [first] = await stage.until_events(number, MessageSent)
    await stage.publish(stage.command(number, chat, "other words", command_id=first.command_id))
    await stage.send(number, chat, "the last")

    assert await until_sent(stage, number, 2) == ["hello", "the last"]
    sent = await stage.until_events(number, MessageSent, 3)
    assert sent[1] == first
    assert [e.text for e in sent] == ["hello", "hello", "the last"]


async def test_a_command_id_of_another_tenant_is_refused_and_tells_nothing(stage: Any) -> None:
    mine, theirs = await stage.number(live=True), await stage.number(live=True)
    my_chat, their_chat = await stage.chat(mine), await stage.chat(theirs)
    [command] = await stage.send(theirs, their_chat, "theirs")
    await until_sent(stage, theirs, 1)
    squatter = stage.command(mine, my_chat, "mine", command_id=command)
    await stage.publish(squatter)

    assert "in use" in (await stage.until_dead(squatter)).reason
    assert await stage.sent(mine) == []
    assert stage.events(mine, MessageSent) == []


async def test_fifty_messages_in_ten_chats_keep_the_order_of_each(stage: Any) -> None:
    number = await stage.number(live=True)
    phones = [f"551198888{n:04}" for n in range(10)]
    chats = {phone: await stage.chat(number, phone) for phone in phones}
    for n in range(5):
        for phone in phones:
            await stage.send(number, chats[phone], f"{phone} {n}")

    await until_sent(stage, number, 50)
    rows = await stage.sent(number)
    assert len(rows) == 50
    for phone in phones:
        mine = [row["text"] for row in rows if row["remote_jid"].startswith(phone)]
        assert mine == [f"{phone} {n}" for n in range(5)]


async def test_a_command_for_a_foreign_chat_is_a_dead_letter_and_sends_nothing(stage: Any) -> None:
    mine, theirs = await stage.number(live=True), await stage.number(live=True)
    my_chat, their_chat = await stage.chat(mine), await stage.chat(theirs)
    foreign = [
        stage.command(theirs, their_chat, "as the wrong tenant", tenant=mine.tenant),
        stage.command(mine, their_chat, "from the wrong number"),
        stage.command(mine, ChatId("cht_none"), "to nobody"),
    ]
    await stage.publish(*foreign)
    await stage.send(mine, my_chat, "mine")

    for command in foreign:
        letter = await stage.until_dead(command)
        assert "has no chat" in letter.reason
    assert await until_sent(stage, mine, 1) == ["mine"]
    assert await stage.sent(theirs) == []
    assert await stage.rows("select 1 from outbound where tenant_id = :t", t=theirs.tenant) == []


async def test_a_closed_connection_stops_the_chats_of_its_number_only_and_loses_nothing(
    stage: Any,
) -> None:
    number, other = await stage.number(live=True), await stage.number(live=True)
    chats = [await stage.chat(number, f"551197777000{n}") for n in range(9)]
    neighbour = await stage.chat(other)
    await stage.control(f"/evolution/instances/{number.instance}/close", reason="connection_closed")
    for n in range(3):
        for chat in chats:
            await stage.send(number, chat, f"{chat} {n}")
    for _ in chats:
        await stage.until_row(number, LAST_ERROR, like="ConnectionClosed%")
    await eventually(
        lambda: _waiting(stage, number, "ConnectionClosed%", len(chats)), what="nine waiting lanes"
    )
    await stage.send(other, neighbour, "not my problem")
    assert await until_sent(stage, other, 1, within=4) == ["not my problem"]
    assert await stage.sent(number) == []

    await stage.control(f"/evolution/instances/{number.instance}/transient")
    sent = await until_sent(stage, number, 27)
    assert sorted(sent) == sorted(f"{chat} {n}" for chat in chats for n in range(3))
    for chat in chats:
        assert [text for text in sent if text.startswith(chat)] == [f"{chat} {n}" for n in range(3)]
    assert stage.events(number, MessageFailed) == []


async def _waiting(stage: Any, number: Any, like: str, count: int) -> bool:
    return len(await stage.rows(LAST_ERROR, id=number.id, like=like)) == count


async def test_a_logged_out_number_keeps_its_messages_until_it_is_scanned_again(
    stage: Any,
) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    where = f"/evolution/instances/{number.instance}"
    await stage.control(f"{where}/close", reason=401)
    await stage.until_row(
        number, "select 1 from integration where id = :id and state = 'needs_scan'"
    )
    await stage.send(number, chat, "1", "2")
    await stage.until_row(number, LAST_ERROR, like="%needs_scan%")

    headers = {"apikey": "sandbox-global-key"}
    await stage.sandbox.get(f"/evolution/instance/connect/{number.instance}", headers=headers)
    await stage.control(f"{where}/scan")
    await stage.until_row(number, "select 1 from integration where id = :id and state = 'open'")
    await resume(stage, number)
    assert await until_sent(stage, number, 2) == ["1", "2"]
