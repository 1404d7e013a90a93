"""Texts that are too long for one message: cut where a reader pauses, each part once, in order."""

from typing import Any

import pytest
from outgoing import order
from whatsapp_stage import struck, until_sent

from common.contracts import MessageFailed, MessageSent, Text
from whatsapp_service.domain.model.outgoing import TEXT_LIMIT

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]
LONG = " ".join(f"word{n}" for n in range(1_200))


def no_space(text: str) -> str:
    return "".join(text.split())


async def test_a_long_text_goes_in_parts_that_say_which_they_are(stage: Any) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    [command] = await order(stage, number, chat, Text(text=LONG, reply_to="3AQUOTED"))
    await stage.send(number, chat, "after")

    texts = await until_sent(stage, number, 4)
    assert no_space("".join(texts[:3])) == no_space(LONG)
    assert texts[3] == "after"
    assert max(map(len, texts)) <= TEXT_LIMIT
    sent = await stage.until_events(number, MessageSent, 4)
    assert [(e.command_id, e.part, e.parts) for e in sent[:3]] == [
        (command, n, 3) for n in (1, 2, 3)
    ]
    assert (sent[3].part, sent[3].parts) == (None, None)
    quoted = ["quoted" in row["body"] for row in await stage.sent(number)]
    assert quoted == [True, False, False, False]


@pytest.mark.parametrize("echo", [True, False], ids=["echo", "echo lost"])
@pytest.mark.parametrize("lost", [1, 2, 3])
async def test_a_lost_answer_to_one_part_repeats_none_of_them(
    stage: Any, lost: int, echo: bool
) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    if not echo:
        await stage.fault(number, "drop_webhook", "SEND_MESSAGE", times=None)
    # The same words in every part: only their ids tell them apart.
    same = "x" * TEXT_LIMIT * 3
    calls = [await stage.fault(number, "delay", seconds=0) for _ in range(lost - 1)]
    dropped = await stage.fault(number, "drop_after")
    [command] = await order(stage, number, chat, Text(text=same))

    texts = await until_sent(stage, number, 3)
    assert [len(text) for text in texts] == [TEXT_LIMIT] * 3
    assert await struck(stage, dropped)
    assert len(calls) == lost - 1
    sent = await stage.until_events(number, MessageSent, 3)
    assert [(e.command_id, e.part) for e in sent] == [(command, 1), (command, 2), (command, 3)]
    assert [e.message_id for e in sent] == [row["key_id"] for row in await stage.sent(number)]


async def test_a_part_that_is_refused_ends_the_rest_and_says_how_far_it_came(stage: Any) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    await stage.fault(number, "not_on_whatsapp", where={"contains": "word700"})
    [command] = await order(stage, number, chat, Text(text=LONG))
    await stage.send(number, chat, "after")

    [failed] = await stage.until_events(number, MessageFailed)
    assert (failed.command_id, failed.code) == (command, "not_on_whatsapp")
    assert "1 of 3 parts" in failed.reason
    assert (await until_sent(stage, number, 2))[1] == "after"
