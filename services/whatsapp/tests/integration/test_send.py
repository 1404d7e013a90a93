"""Send commands become WhatsApp messages exactly once, on real Kafka, Postgres and sandbox."""

from datetime import timedelta
from typing import Any

import pytest

from common.contracts import (
    ChatId,
    DeliveryStatus,
    MessageDeliveryUpdated,
    MessageFailed,
    MessageReceived,
    MessageSent,
    utc_now,
)
from common.lanes import resume_lane
from common.testing import eventually

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

UNAUTHORIZED = {"status": 401, "error": "Unauthorized", "response": {"message": "Unauthorized"}}
LAST_ERROR = """
    select j.last_error from lane l join lane_job j on j.lane_key = l.key and j.seq = l.head_seq
    where l.pace_key = :id and j.last_error like :like"""


def texts(rows: list[dict[str, Any]]) -> list[str]:
    return [row["text"] for row in rows]


async def until_sent(stage: Any, number: Any, count: int, within: float = 15) -> list[str]:
    async def enough() -> bool:
        return len(await stage.sent(number)) >= count

    await eventually(enough, within=within, what=f"{count} messages sent")
    await stage.until_idle(number, within=within)
    return texts(await stage.sent(number))


async def resume(stage: Any, number: Any) -> None:
    """Do what an operator does when the cause is mended and he does not want to wait."""
    lanes = await stage.rows(
        "select key from lane where pace_key = :id and pending > 0", id=number.id
    )
    async with stage.database.transaction() as connection:
        for lane in lanes:
            await resume_lane(connection, "sends", lane["key"])


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


async def test_the_same_command_twice_sends_once_also_when_it_comes_again_later(
    stage: Any,
) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    once = stage.command(number, chat, "hello", command_id="cmd_once_" + number.id)
    again = stage.command(number, chat, "hello", command_id=once.event.command_id)
    await stage.publish(once, again, once)
    await until_sent(stage, number, 1)
    await stage.publish(stage.command(number, chat, "hello", command_id=once.event.command_id))
    await stage.send(number, chat, "the last")

    assert await until_sent(stage, number, 2) == ["hello", "the last"]
    sent = await stage.until_events(number, MessageSent, 2)
    assert [e.text for e in sent] == ["hello", "the last"]


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


REFUSALS = [
    ("not_on_whatsapp", {}, "not_on_whatsapp", "not on WhatsApp"),
    ("graph_error", {}, "refused", "(#131030) Recipient phone number not in allowed list"),
    (
        "status",
        {"status": 400, "body": {"status": 400, "response": {"message": ["Text is required"]}}},
        "refused",
        "Text is required",
    ),
    (
        "status",
        {
            "status": 400,
            "body": {"status": 400, "response": {"message": [['instance requires "text"']]}},
        },
        "refused",
        'instance requires "text"',
    ),
]


@pytest.mark.parametrize(
    ("fault", "more", "code", "reason"), REFUSALS, ids=["number", "meta", "business", "schema"]
)
async def test_what_evolution_refuses_fails_with_its_reason_and_the_chat_goes_on(
    stage: Any, fault: str, more: dict[str, Any], code: str, reason: str
) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    await stage.fault(number, fault, **more)
    [refused, taken] = await stage.send(number, chat, "refused", "taken")

    [failed] = await stage.until_events(number, MessageFailed)
    [sent] = await stage.until_events(number, MessageSent)
    assert (failed.command_id, failed.code, failed.chat_id) == (refused, code, chat)
    assert reason in failed.reason
    assert sent.command_id == taken
    assert await until_sent(stage, number, 1) == ["taken"]


DONE: list[tuple[str, dict[str, Any]]] = [
    ("drop_after", {}),
    ("timed_out_after", {}),
    ("garbage", {}),
    ("status_after", {"status": 500}),
    ("status_after", {"status": 503}),
    ("status_after", {"status": 502}),
]
UNDONE: list[tuple[str, dict[str, Any]]] = [
    ("drop_before", {}),
    ("timed_out", {}),
    ("status", {"status": 500}),
    ("status", {"status": 503, "retry_after": 0.1}),
]


@pytest.mark.parametrize("echo", [True, False], ids=["echo", "echo lost"])
async def test_what_was_sent_without_our_learning_of_it_is_not_sent_again(
    stage: Any, echo: bool
) -> None:
    number = await stage.number(live=True)
    if not echo:
        await stage.fault(number, "drop_webhook", "SEND_MESSAGE", times=None)
    faults = {}
    commands = []
    for n, (fault, more) in enumerate(DONE):
        chat = await stage.chat(number, f"551196666000{n}")
        text = f"{n} {fault}"
        faults[text] = await stage.fault(number, fault, where={"contains": text}, **more)
        commands += await stage.send(number, chat, text, f"{n} after")

    sent = await until_sent(stage, number, 2 * len(DONE))
    assert sorted(sent) == sorted([*faults, *(f"{n} after" for n in range(len(DONE)))])
    for n, text in enumerate(faults):
        assert await stage.struck(faults[text]) == 1
        assert sent.index(text) < sent.index(f"{n} after")
    told = await stage.until_events(number, MessageSent, len(commands))
    assert sorted(e.command_id for e in told) == sorted(commands)
    keys = {row["text"]: row["key_id"] for row in await stage.sent(number)}
    assert {e.text: e.message_id for e in told} == keys
    assert stage.events(number, MessageFailed) == []


async def test_what_was_not_sent_is_sent_once_when_that_is_certain(stage: Any) -> None:
    number = await stage.number(live=True)
    faults = {}
    began = utc_now()
    for n, (fault, more) in enumerate(UNDONE):
        chat = await stage.chat(number, f"551195555000{n}")
        text = f"{n} {fault}"
        faults[text] = await stage.fault(number, fault, where={"contains": text}, **more)
        await stage.send(number, chat, text, f"{n} after")

    sent = await until_sent(stage, number, 2 * len(UNDONE))
    assert sorted(sent) == sorted([*faults, *(f"{n} after" for n in range(len(UNDONE)))])
    settled = (began + timedelta(seconds=stage.settings.settle_seconds)).timestamp()
    for n, text in enumerate(faults):
        assert await stage.struck(faults[text]) == 1
        assert sent.index(text) < sent.index(f"{n} after")
    assert all(row["at"] > settled for row in await stage.sent(number))


async def test_a_refused_connection_was_no_call_and_is_tried_again(stage: Any) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    await stage.fault(number, "refuse")
    await stage.send(number, chat, "1", "2")

    assert await until_sent(stage, number, 2) == ["1", "2"]


async def test_the_answer_is_found_under_another_name_of_the_customer(stage: Any) -> None:
    number = await stage.number(live=True)
    lid, phone = "299999999999999@lid", "5511944440000@s.whatsapp.net"
    chat = await stage.chat(number, "5511944440000", jid=lid, alt=phone)
    await stage.fault(number, "drop_webhook", "SEND_MESSAGE", times=None)
    fault = await stage.fault(number, "drop_after")
    [command] = await stage.send(number, chat, "sent to the LID")
    await eventually(lambda: _struck(stage, fault), what="the answer to be dropped")
    await stage.tell(number, number.said("now by phone", jid=phone))

    [sent] = await stage.until_events(number, MessageSent)
    assert sent.command_id == command
    [row] = await stage.sent(number)
    assert row["remote_jid"] == lid


async def _struck(stage: Any, fault: int) -> bool:
    return bool(await stage.struck(fault))


OPERATOR = [
    ("license_required", {}, "Activate its licence"),
    ("status", {"status": 401, "body": UNAUTHORIZED}, "WHATSAPP_EVOLUTION_API_KEY"),
    (
        "status",
        {
            "status": 404,
            "body": {"status": 404, "response": {"message": ['The "x" instance does not exist']}},
        },
        "connect the number again",
    ),
]


@pytest.mark.parametrize(
    ("fault", "more", "advice"), OPERATOR, ids=["licence", "wrong key", "unknown instance"]
)
async def test_what_only_an_operator_can_mend_holds_the_lane_without_hammering(
    stage: Any, fault: str, more: dict[str, Any], advice: str
) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    armed = await stage.fault(number, fault, times=None, **more)
    await stage.send(number, chat, "1", "2")

    waiting = await stage.until_row(
        number,
        """select l.due_at - now() as wait, j.last_error from lane l
           join lane_job j on j.lane_key = l.key and j.seq = l.head_seq
           where l.pace_key = :id and j.last_error is not null""",
    )
    assert advice in waiting["last_error"]
    assert waiting["wait"] > timedelta(seconds=30)
    assert await stage.struck(armed) == 1
    assert stage.events(number, MessageFailed) == []

    await stage.mend(armed)
    await resume(stage, number)
    assert await until_sent(stage, number, 2) == ["1", "2"]


async def test_an_outcome_that_nobody_can_tell_waits_for_an_operator(stage: Any) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    await stage.fault(number, "drop_webhook", "SEND_MESSAGE", times=None)
    await stage.fault(number, "drop_after")
    mute = await stage.fault(
        number, "status", "findMessages", times=None, status=401, body=UNAUTHORIZED
    )
    await stage.send(number, chat, "1", "2")

    await stage.until_row(number, LAST_ERROR, like="%refuses our API key%")
    assert texts(await stage.sent(number)) == ["1"]
    await stage.mend(mute)
    await resume(stage, number)
    assert await until_sent(stage, number, 2) == ["1", "2"]


async def test_a_worker_that_stops_in_mid_burst_leaves_the_rest_to_the_next(stage: Any) -> None:
    number = await stage.number(live=True)
    phones = [f"551193333000{n}" for n in range(8)]
    chats = [await stage.chat(number, phone) for phone in phones]
    slow = await stage.fault(number, "delay", times=None, seconds=0.02)
    for n in range(10):
        for chat in chats:
            await stage.send(number, chat, f"{chat} {n}")
    await eventually(lambda: _sent_some(stage, number, 20), what="a burst under way")
    await stage.stop_worker()
    assert len(await stage.sent(number)) < 80
    await stage.start_worker()

    sent = await until_sent(stage, number, 80, within=30)
    await stage.mend(slow)
    assert len(sent) == 80
    for chat in chats:
        mine = [text for text in sent if text.startswith(chat)]
        assert mine == [f"{chat} {n}" for n in range(10)]


async def _sent_some(stage: Any, number: Any, count: int) -> bool:
    return len(await stage.sent(number)) >= count


async def test_an_old_message_with_the_same_words_is_not_taken_for_ours(stage: Any) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    fault = await stage.fault(number, "drop_before")
    [command] = await stage.send(number, chat, "ok")
    await eventually(lambda: _struck(stage, fault), what="the call to be dropped")
    old = utc_now() - timedelta(minutes=2)
    # Evolution tells again, minutes later, of what the owner typed before our call began.
    await stage.tell(number, number.said("ok", from_me=True, id="3AOLD", at=old))

    [sent] = await stage.until_events(number, MessageSent)
    assert (sent.command_id, sent.message_id != "3AOLD") == (command, True)
    assert await until_sent(stage, number, 1) == ["ok"]
    [typed] = [e for e in stage.events(number, MessageReceived) if e.from_me]
    assert typed.message_id == "3AOLD"


async def test_a_message_is_not_sent_after_its_time(stage: Any) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    [late] = await stage.send(number, chat, "late", expires_at=utc_now() - timedelta(seconds=1))
    await stage.send(number, chat, "in time", expires_at=utc_now() + timedelta(minutes=1))

    [failed] = await stage.until_events(number, MessageFailed)
    assert (failed.command_id, failed.code) == (late, "expired")
    assert await until_sent(stage, number, 1) == ["in time"]


async def test_a_message_whose_time_passes_while_its_call_is_unsettled_is_not_sent_again(
    stage: Any,
) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    fault = await stage.fault(number, "drop_before")
    soon = utc_now() + timedelta(seconds=0.7)
    [late] = await stage.send(number, chat, "late", expires_at=soon)
    await eventually(lambda: _struck(stage, fault), within=0.6, what="the call")
    await stage.send(number, chat, "next")

    [failed] = await stage.until_events(number, MessageFailed)
    assert (failed.command_id, failed.code) == (late, "expired")
    assert await until_sent(stage, number, 1) == ["next"]


async def test_a_message_waits_for_its_time_and_those_behind_it_wait_with_it(stage: Any) -> None:
    number = await stage.number(live=True)
    chat, other = await stage.chat(number), await stage.chat(number, "5511922220000")
    then = utc_now() + timedelta(seconds=1.5)
    await stage.send(number, chat, "scheduled", not_before=then)
    await stage.send(number, chat, "behind it")
    await stage.send(number, other, "at once")

    sent = await until_sent(stage, number, 3)
    assert sent == ["at once", "scheduled", "behind it"]
    assert [row["at"] >= then.timestamp() for row in await stage.sent(number)] == [
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("every", [False, True], ids=["named", "all"])
async def test_what_waits_can_be_taken_back(stage: Any, every: bool) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    where = f"/evolution/instances/{number.instance}"
    await stage.control(f"{where}/close", reason="connection_closed")
    commands = await stage.send(number, chat, "1", "2", "3")
    await stage.until_row(number, LAST_ERROR, like="ConnectionClosed%")
    named = () if every else (commands[1], "cmd_of_nobody")
    await stage.cancel(number, chat, *named)

    gone = commands if every else [commands[1]]
    failed = await stage.until_events(number, MessageFailed, len(gone))
    assert sorted((e.command_id, e.code) for e in failed) == sorted((c, "cancelled") for c in gone)
    await stage.control(f"{where}/transient")
    await stage.send(number, chat, "4")
    await resume(stage, number)
    left = ["4"] if every else ["1", "3", "4"]
    assert await until_sent(stage, number, len(left)) == left


async def test_what_may_be_out_already_cannot_be_taken_back(stage: Any) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    await stage.fault(number, "drop_webhook", "SEND_MESSAGE", times=None)
    await stage.fault(number, "drop_after")
    mute = await stage.fault(number, "status", "findMessages", times=None, status=503)
    [out, waits] = await stage.send(number, chat, "out", "waits")
    await stage.until_row(
        number,
        """select 1 from outbound o join lane l on l.pace_key = o.integration_id
           where o.integration_id = :id and o.state = 'unknown' and not l.leased""",
    )
    await stage.cancel(number, chat)

    [failed] = await stage.until_events(number, MessageFailed)
    assert (failed.command_id, failed.code) == (waits, "cancelled")
    await stage.mend(mute)
    [sent] = await stage.until_events(number, MessageSent)
    assert sent.command_id == out
    assert await until_sent(stage, number, 1) == ["out"]


async def test_typing_is_shown_for_its_time_before_the_message(stage: Any) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    began = utc_now().timestamp()
    await stage.send(number, chat, "typed", typing_ms=700)

    await until_sent(stage, number, 1)
    [row] = await stage.sent(number)
    assert row["at"] - began >= 0.7
    instances = (await stage.sandbox.get("/_sandbox/evolution/instances")).json()
    [mine] = [row for row in instances if row["name"] == number.instance]
    assert [p["presence"] for p in mine["presences"]] == ["composing"]


async def test_a_message_goes_out_though_typing_cannot_be_shown(stage: Any) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    await stage.fault(number, "connection_closed", "sendPresence")
    await stage.send(number, chat, "untyped", typing_ms=100)

    assert await until_sent(stage, number, 1) == ["untyped"]


async def test_commands_for_a_merged_chat_go_to_the_one_that_took_it_over(stage: Any) -> None:
    number = await stage.number(live=True)
    lid, phone = "288888888888888@lid", "5511911110000@s.whatsapp.net"
    by_phone = await stage.chat(number, "5511911110000")
    await stage.take_in(number, [number.said("by lid", jid=lid)])
    [row] = await stage.rows(
        "select chat_id from alias where integration_id = :id and alias like 'lid:%'", id=number.id
    )
    await stage.take_in(number, [number.said("both", jid=phone, alt=lid)])
    [gone] = [chat for chat in (row["chat_id"], by_phone) if await _merged(stage, chat)]
    [command] = await stage.send(number, ChatId(gone), "to the old name")

    [sent] = await stage.until_events(number, MessageSent)
    assert (sent.command_id, sent.chat_id == gone) == (command, False)
    assert not await _merged(stage, sent.chat_id)
    await until_sent(stage, number, 1)
    assert len(stage.events(number, MessageSent)) == 1


async def _merged(stage: Any, chat: str) -> bool:
    rows = await stage.rows("select merged_into from chat where id = :chat", chat=chat)
    return rows[0]["merged_into"] is not None
