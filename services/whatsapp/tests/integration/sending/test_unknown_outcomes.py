"""Answers that were lost, for every kind of message: settled before anything is repeated."""

from typing import Any

import pytest
from outgoing import PNG, heard_of, one_of_each, order, put_file, write_to
from whatsapp_stage import struck, until_sent

from common.contracts import (
    CommandId,
    File,
    MediaMessage,
    MessageFailed,
    MessageReceived,
    MessageSent,
    Text,
)
from common.testing import eventually

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize("echo", [True, False], ids=["echo", "echo lost"])
async def test_a_lost_answer_is_settled_for_every_kind(stage: Any, echo: bool) -> None:
    number = await stage.number(live=True)
    if not echo:
        await stage.fault(number, "drop_webhook", "SEND_MESSAGE", times=None)
    asked: dict[str, list[CommandId]] = {}
    for n in range(6):
        phone = f"551196666100{n}"
        chat = await write_to(stage, number, phone)
        contents = await one_of_each(stage, number, await _heard_in(stage, chat))
        call, content = list(contents.items())[n]
        await stage.fault(number, "drop_after", call, where=None)
        asked[call] = await order(stage, number, chat, content, Text(text=f"{n} after"))

    await eventually(
        lambda: len(stage.events(number, MessageSent)) >= 12, within=60, what="12 told"
    )
    told = stage.events(number, MessageSent)
    sent = await stage.sent(number)
    lost = {c for ids in asked.values() for c in ids} - {e.command_id for e in told}
    assert (lost, len(told)) == (set(), 12)
    assert {e.message_id for e in told} <= {row["key_id"] for row in sent}
    order_of = {row["key_id"]: row["seq"] for row in sent}
    place = {e.command_id: order_of[e.message_id] for e in told}
    assert all(place[first] < place[after] for first, after in asked.values())
    assert stage.events(number, MessageFailed) == []
    kinds = [row["kind"] for row in sent if row["kind"] != "text"]
    # A reaction replaces itself, so it is done again while nothing has told that it was done:
    # neither an echo nor the comparison with what Evolution keeps, whichever comes first.
    again = 0 if echo else kinds.count("reaction") - 1
    rows = len(sent)
    assert rows == 12 + again
    assert len(kinds) - len(set(kinds)) == again <= 1
    figures = "lost 0, duplicated 0, out of order 0"
    print(f"\n12 commands, 6 answers lost: {figures} ({rows} calls)")  # noqa: T201 - the figures of the issue


async def _heard_in(stage: Any, chat: str) -> str:
    [row] = await stage.rows(
        "select message_id from whatsapp_message where chat_id = :c and not outgoing", c=chat
    )
    return str(row["message_id"])


async def test_a_picture_that_the_owner_sends_meanwhile_is_not_taken_for_ours(stage: Any) -> None:
    number = await stage.number(live=True)
    chat = await write_to(stage, number, "5511988880001")
    dropped = await stage.fault(number, "drop_before", "sendMedia")
    reference = await put_file(stage, number, PNG)
    file = File(reference=reference)
    [command] = await order(stage, number, chat, MediaMessage(kind="image", file=file))
    await eventually(lambda: struck(stage, dropped), what="the call to be dropped")
    path = f"/evolution/instances/{number.instance}/inbound"
    typed = await stage.control(
        path, **{"from": "5511988880001", "kind": "image", "from_me": True, "silent": True}
    )

    await until_sent(stage, number, 1)
    [sent] = await stage.until_events(number, MessageSent)
    assert (sent.command_id, sent.message_id != typed["message_id"]) == (command, True)


async def test_what_nobody_can_tell_ends_a_human_is_told_and_the_chat_goes_on(stage: Any) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    await stage.fault(number, "drop_webhook", "SEND_MESSAGE", times=None)
    await stage.fault(number, "drop_after")
    mute = await stage.fault(
        number, "status", "findMessages", times=None, status=429, retry_after=0.1
    )
    [lost, after] = await stage.send(number, chat, "lost?", "after")

    [failed] = await stage.until_events(number, MessageFailed)
    assert (failed.command_id, failed.code) == (lost, "outcome_unknown")
    assert "before you send it again" in failed.reason
    [sent] = await stage.until_events(number, MessageSent)
    assert sent.command_id == after
    await stage.mend(mute)
    # Asked for again, it is still not sent again: the first outcome is the answer.
    await stage.publish(stage.command(number, chat, "lost?", command_id=lost))
    again = await stage.until_events(number, MessageFailed, 2)
    assert again[0] == again[1]
    assert await until_sent(stage, number, 2) == ["lost?", "after"]


async def test_an_echo_of_somebody_else_with_our_key_is_no_command_of_ours(stage: Any) -> None:
    number = await stage.number(live=True)
    chat = await write_to(stage, number, "5511988880001")
    await stage.evolution(
        f"/message/sendText/{number.instance}", {"number": "5511988880001", "text": "by hand"}
    )
    [sent] = await stage.until_events(number, MessageSent)
    assert (sent.command_id, sent.chat_id, sent.text) == (None, chat, "by hand")
    assert [e for e in stage.events(number, MessageReceived) if e.from_me] == []
    assert await heard_of(stage, number)
