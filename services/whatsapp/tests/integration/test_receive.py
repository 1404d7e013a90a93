"""What Evolution tells becomes rows and events, on real Kafka and Postgres."""

from datetime import timedelta
from typing import Any

import pytest

from common.contracts import (
    DeliveryStatus,
    MessageDeliveryUpdated,
    MessageReceived,
    MessageSent,
    utc_now,
)

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

LID = "200000000000001@lid"
PHONE = "5511988880001@s.whatsapp.net"
WHOLE_CHAT = "select text from whatsapp_message where integration_id = :id and chat_id = :chat"


async def test_a_text_is_stored_and_announced_once_however_often_it_comes(stage: Any) -> None:
    number = await stage.number()
    body = number.said("hello", id="3A1")
    again = stage.webhook(number, body)
    await stage.publish(again, again, stage.webhook(number, body))
    await stage.tell(number, body, integration_id=None, generation=None)
    await stage.tell(number, number.said("the last", id="3A2"))

    [first, last] = await stage.until_events(number, MessageReceived, 2)
    assert (first.text, first.message_id, last.text) == ("hello", "3A1", "the last")
    assert (first.agent_id, first.sender.phone) == (number.integration.agent_id, "+5511988880001")
    stored = await stage.rows("select * from whatsapp_message where message_id = '3A1'")
    [row] = [row for row in stored if row["tenant_id"] == number.tenant]
    assert (row["text"], row["outgoing"], row["chat_id"]) == ("hello", False, first.chat_id)


async def test_a_webhook_on_the_shared_route_is_the_instances(stage: Any) -> None:
    number = await stage.number()
    await stage.tell(number, number.said("by name"), integration_id=None, generation=None)

    [received] = await stage.until_events(number, MessageReceived)
    assert received.integration_id == number.id


async def test_one_customer_of_two_tenants_is_two_chats(stage: Any) -> None:
    one, two = await stage.number(), await stage.number()
    await stage.tell(one, one.said("to one", id="3ASAME"))
    await stage.tell(two, two.said("to two", id="3ASAME"))

    [first] = await stage.until_events(one, MessageReceived)
    [second] = await stage.until_events(two, MessageReceived)
    assert (first.text, second.text) == ("to one", "to two")
    assert first.chat_id != second.chat_id


async def test_a_lid_that_shows_its_phone_in_mid_conversation_stays_one_chat(stage: Any) -> None:
    number = await stage.number()
    await stage.tell(number, number.said("1", jid=LID), number.said("2", jid=LID))
    await stage.tell(number, number.said("3", jid=LID, alt=PHONE))
    await stage.tell(number, number.said("4", jid=PHONE), number.said("5", jid=LID))

    received = await stage.until_events(number, MessageReceived, 5)
    assert [e.text for e in received] == ["1", "2", "3", "4", "5"]
    assert len({e.chat_id for e in received}) == 1
    [chat] = await stage.rows("select * from chat where integration_id = :id", id=number.id)
    assert (chat["phone"], chat["lid"]) == ("+5511988880001", "200000000000001")
    assert chat["reply_to"] == LID


async def test_two_chats_that_prove_to_be_one_person_become_one_with_all_history(
    stage: Any,
) -> None:
    number = await stage.number()
    await stage.tell(number, number.said("1", jid=LID), number.said("2", jid=PHONE))
    await stage.tell(number, number.said("3", jid=LID, alt=PHONE))
    await stage.tell(number, number.said("4", jid=LID), number.said("5", jid=PHONE))

    await stage.until_events(number, MessageReceived, 5)
    by_text = {e.text: e.chat_id for e in stage.events(number, MessageReceived)}
    assert by_text["1"] != by_text["2"]
    [one] = {by_text[text] for text in ("3", "4", "5")}
    chats = await stage.rows("select * from chat where integration_id = :id", id=number.id)
    assert {row["id"]: row["merged_into"] for row in chats} == {
        one: None,
        ({by_text["1"], by_text["2"]} - {one}).pop(): one,
    }
    history = await stage.rows(WHOLE_CHAT, id=number.id, chat=one)
    assert sorted(row["text"] for row in history) == ["1", "2", "3", "4", "5"]


async def test_both_names_of_a_person_are_kept_when_they_come_in_one_batch(stage: Any) -> None:
    number = await stage.number()
    bodies = [number.said("1", jid=PHONE, alt=LID, name="Ana"), number.said("2", jid=LID, name="")]
    await stage.take_in(number, bodies)

    [chat] = await stage.rows("select * from chat where integration_id = :id", id=number.id)
    assert (chat["phone"], chat["lid"]) == ("+5511988880001", "200000000000001")
    assert (chat["name"], chat["reply_to"]) == ("Ana", LID)


async def test_a_message_that_comes_late_does_not_change_whom_we_answer(stage: Any) -> None:
    number = await stage.number()
    late = number.said("late", jid=LID, alt=PHONE, at=utc_now() - timedelta(minutes=5))
    await stage.take_in(number, [number.said("now", jid=PHONE, alt=LID), late])
    await stage.take_in(number, [late | {"data": late["data"] | {"pushName": "Ana Maria"}}])

    [chat] = await stage.rows("select * from chat where integration_id = :id", id=number.id)
    assert chat["reply_to"] == PHONE
    assert utc_now() - chat["last_message_at"] < timedelta(minutes=1)


async def test_a_brazilian_is_the_same_person_with_and_without_the_ninth_digit(stage: Any) -> None:
    number = await stage.number()
    without, full = "553188887777@s.whatsapp.net", "5531988887777@s.whatsapp.net"
    await stage.tell(number, number.said("1", jid=without), number.said("2", jid=full))

    received = await stage.until_events(number, MessageReceived, 2)
    assert len({e.chat_id for e in received}) == 1
    assert {e.sender.phone for e in received} == {"+5531988887777"}


async def test_what_the_owner_types_on_the_phone_is_received_as_his(stage: Any) -> None:
    number = await stage.number()
    await stage.tell(number, number.said("I take over", from_me=True))

    [received] = await stage.until_events(number, MessageReceived)
    assert (received.from_me, received.text) == (True, "I take over")
    [row] = await stage.rows("select * from whatsapp_message where tenant_id = :t", t=number.tenant)
    assert (row["outgoing"], row["command_id"]) == (True, None)


async def test_what_a_foreign_client_sends_through_evolution_is_sent_by_nobodys_command(
    stage: Any,
) -> None:
    number = await stage.number()
    body = number.echo("from the shop system", id="3EB0F")
    await stage.tell(number, body, body, number.said("the last"))

    await stage.until_events(number, MessageReceived)
    [sent] = stage.events(number, MessageSent)
    assert (sent.text, sent.command_id, sent.message_id) == ("from the shop system", None, "3EB0F")


async def test_acks_only_ever_go_forward(stage: Any) -> None:
    number = await stage.number()
    await stage.tell(number, number.echo("hi", id="3EB0A"))
    told = ("SERVER_ACK", "READ", "DELIVERY_ACK", "READ", "ERROR", "PLAYED", "PENDING")
    await stage.tell(number, *(number.ack("3EB0A", status) for status in told))
    await stage.tell(number, number.said("the last"))

    await stage.until_events(number, MessageReceived)
    updates = [e.status for e in stage.events(number, MessageDeliveryUpdated)]
    order = [DeliveryStatus.SENT, DeliveryStatus.READ, DeliveryStatus.PLAYED]
    assert updates[-1] == DeliveryStatus.PLAYED
    assert updates == [status for status in order if status in updates]


async def test_a_refusal_ends_the_way_unless_the_message_arrives_after_all(stage: Any) -> None:
    number = await stage.number()
    await stage.take_in(number, [number.echo("hi", id="3EB0E"), number.ack("3EB0E", "ERROR")])
    await stage.take_in(number, [number.ack("3EB0E", "SERVER_ACK")])
    await stage.take_in(number, [number.ack("3EB0E", "DELIVERY_ACK")])

    updates = await stage.until_events(number, MessageDeliveryUpdated, 2)
    assert [e.status for e in updates] == [DeliveryStatus.FAILED, DeliveryStatus.DELIVERED]
    assert "refused" in updates[0].reason


@pytest.mark.parametrize("batches", [1, 2], ids=["in one batch", "in two batches"])
async def test_an_ack_that_overtakes_its_message_is_announced_after_it(
    stage: Any, batches: int
) -> None:
    number = await stage.number()
    told = [number.ack("3EB0B", "DELIVERY_ACK"), number.echo("hi", id="3EB0B")]
    for batch in [told] if batches == 1 else [[one] for one in told]:
        await stage.take_in(number, batch)

    await stage.until_events(number, MessageDeliveryUpdated)
    sent, update = stage.events(number, MessageSent, MessageDeliveryUpdated)
    assert isinstance(sent, MessageSent)
    assert (update.status, update.chat_id) == (DeliveryStatus.DELIVERED, sent.chat_id)
