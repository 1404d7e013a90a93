"""A customer's word stops everything but one confirmation, until their word lets it go on."""

from typing import Any

import pytest
from outgoing import order, wish, write_to
from whatsapp_stage import resume, until_sent

from common.contracts import MessageFailed, MessageReceived, MessageSent, Text
from common.testing import eventually
from whatsapp_service.domain.model.sending_rules import OPT_OUT_REPLY

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]
PHONE = "5511988880001"


@pytest.mark.parametrize("word", ["STOP", "sair", " Parar! ", "BAJA."])
async def test_a_word_stops_everything_but_one_confirmation(stage: Any, word: str) -> None:
    number = await stage.number(live=True)
    chat = await write_to(stage, number, PHONE)
    where = f"/evolution/instances/{number.instance}"
    refused = await stage.fault(number, "connection_closed", times=None)
    queued = await stage.send(number, chat, "1", "2")
    queued += await order(stage, number, chat, Text(text="news"), priority="broadcast")
    await eventually(lambda: _queued(stage, number, 3), what="three commands queued")
    await stage.control(f"{where}/inbound", **{"from": PHONE, "text": word})
    failed = await stage.until_events(number, MessageFailed, 3)
    assert {(e.command_id, e.code) for e in failed} == {(c, "opted_out") for c in queued}

    [later] = await stage.send(number, chat, "later")
    failed = await stage.until_events(number, MessageFailed, 4)
    assert (failed[3].command_id, failed[3].code) == (later, "opted_out")
    await write_to(stage, number, PHONE, word)
    await stage.mend(refused)
    await resume(stage, number)
    assert await until_sent(stage, number, 1) == [OPT_OUT_REPLY]
    assert len(await stage.sent(number)) == 1


async def _queued(stage: Any, number: Any, count: int) -> bool:
    statement = "select 1 from outbound where integration_id = :id"
    return len(await stage.rows(statement, id=number.id)) == count


async def test_the_other_word_lets_it_go_on(stage: Any) -> None:
    number = await stage.number(live=True)
    chat = await write_to(stage, number, PHONE)
    await write_to(stage, number, PHONE, "stop")
    await until_sent(stage, number, 1)
    await write_to(stage, number, PHONE, "Start")
    await stage.send(number, chat, "welcome back")

    assert (await until_sent(stage, number, 2))[1] == "welcome back"
    assert stage.events(number, MessageFailed) == []


async def test_only_the_word_alone_counts_and_only_from_a_customer(stage: Any) -> None:
    number = await stage.number(live=True)
    chat = await write_to(stage, number, PHONE, "please do not stop")
    path = f"/evolution/instances/{number.instance}/inbound"
    group = "120363000000000001@g.us"
    for said in (
        {"from": PHONE, "text": "stop", "from_me": True},
        {"from": PHONE, "text": "stop", "group": group},
    ):
        await stage.control(path, **said)
    await write_to(stage, number, PHONE, "the last")
    await stage.send(number, chat, "hello")

    assert await until_sent(stage, number, 1) == ["hello"]
    rows = "select 1 from opt_out where integration_id = :id"
    assert await stage.rows(rows, id=number.id) == []


async def test_a_tenants_own_words_are_learned_and_the_usual_ones_then_mean_nothing(
    stage: Any,
) -> None:
    number = await stage.number(live=True)
    chat = await write_to(stage, number, PHONE)
    await wish(stage, number, opt_out_words=("chega",), opt_in_words=(), opt_out_reply="")
    await write_to(stage, number, PHONE, "STOP")
    await stage.send(number, chat, "still here")
    assert await until_sent(stage, number, 1) == ["still here"]

    async def heeded() -> bool:
        # New words are known to every worker within one turn of its clock.
        await write_to(stage, number, PHONE, "Chega!")
        rows = "select 1 from opt_out where integration_id = :id"
        return bool(await stage.rows(rows, id=number.id))

    await eventually(heeded, what="the word to be heeded")
    await stage.send(number, chat, "too late")
    [failed] = await stage.until_events(number, MessageFailed)
    assert failed.code == "opted_out"
    assert len(stage.events(number, MessageSent)) == 1


@pytest.mark.parametrize("together", [True, False])
async def test_a_message_says_whether_its_customer_has_opted_out(
    stage: Any, together: bool
) -> None:
    number = await stage.number()
    said = {"hi": False, "stop": True, "Stop!": True, "hello?": True, "start": False, "ok": False}
    bodies = [number.said(text) for text in said]
    for batch in [bodies] if together else [[body] for body in bodies]:
        await stage.take_in(number, batch)
        await stage.take_in(number, batch)
    other = number.said("somebody else", jid="5511988880002@s.whatsapp.net")
    await stage.take_in(number, [number.said("baja"), other])

    said |= {"baja": True, "somebody else": False}
    told = await stage.until_events(number, MessageReceived, len(said))
    assert {one.text: one.opted_out for one in told} == said


async def test_an_opt_out_survives_the_merging_of_chats(stage: Any) -> None:
    number = await stage.number(live=True)
    lid, phone = "277777777777777@lid", "5511911112222@s.whatsapp.net"
    by_phone = await stage.chat(number, "5511911112222")
    await stage.take_in(number, [number.said("stop", jid=lid)])
    await stage.take_in(number, [number.said("both", jid=phone, alt=lid)])
    await stage.send(number, by_phone, "not wanted")

    told = await stage.until_events(number, MessageReceived, 3)
    assert {one.text for one in told if one.opted_out} == {"stop", "both"}
    [failed] = await stage.until_events(number, MessageFailed)
    assert failed.code == "opted_out"
