"""Whatever Evolution answers, or fails to: nothing is lost and nothing sent twice."""

from datetime import timedelta
from typing import Any

import pytest
from whatsapp_stage import resume, struck, texts, until_sent

from common.contracts import (
    MessageFailed,
    MessageReceived,
    MessageSent,
    utc_now,
)
from common.testing import eventually

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

UNAUTHORIZED = {"status": 401, "error": "Unauthorized", "response": {"message": "Unauthorized"}}
LAST_ERROR = """
    select j.last_error from lane l join lane_job j on j.lane_key = l.key and j.seq = l.head_seq
    where l.pace_key = :id and j.last_error like :like"""

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
    await eventually(lambda: struck(stage, fault), what="the answer to be dropped")
    await stage.tell(number, number.said("now by phone", jid=phone))

    [sent] = await stage.until_events(number, MessageSent)
    assert sent.command_id == command
    [row] = await stage.sent(number)
    assert row["remote_jid"] == lid


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
    await eventually(lambda: struck(stage, fault), what="the call to be dropped")
    old = utc_now() - timedelta(minutes=2)
    # Evolution tells again, minutes later, of what the owner typed before our call began.
    await stage.tell(number, number.said("ok", from_me=True, id="3AOLD", at=old))

    [sent] = await stage.until_events(number, MessageSent)
    assert (sent.command_id, sent.message_id != "3AOLD") == (command, True)
    assert await until_sent(stage, number, 1) == ["ok"]
    [typed] = [e for e in stage.events(number, MessageReceived) if e.from_me]
    assert typed.message_id == "3AOLD"
