"""When messages may go out, when no longer, and how they are taken back."""

from datetime import timedelta
from typing import Any

import pytest
from whatsapp_stage import resume, struck, until_sent

from common.contracts import (
    ChatId,
    MessageFailed,
    MessageSent,
    utc_now,
)
from common.testing import eventually

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

LAST_ERROR = """
    select j.last_error from lane l join lane_job j on j.lane_key = l.key and j.seq = l.head_seq
    where l.pace_key = :id and j.last_error like :like"""


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
    await eventually(lambda: struck(stage, fault), within=0.6, what="the call")
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
