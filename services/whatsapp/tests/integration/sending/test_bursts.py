"""A burst that is cut in the middle: nothing lost, nothing doubled, nothing out of order."""

from typing import Any

import pytest
from whatsapp_stage import until_sent

from common.contracts import MessageFailed, MessageSent
from common.testing import eventually

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

CHATS, EACH = 12, 8


async def _burst(stage: Any, number: Any) -> list[str]:
    chats = [await stage.chat(number, f"55119111{n:05}") for n in range(CHATS)]
    for n in range(EACH):
        for chat in chats:
            await stage.send(number, chat, f"{chat} {n}")
    return chats


async def _some(stage: Any, number: Any) -> bool:
    return len(await stage.sent(number)) >= CHATS


async def _tried_twice(stage: Any, number: Any) -> bool:
    """Whether every chat that has something left was tried twice; a quick one may be done."""
    statement = "select attempts from lane where pace_key = :id and pending > 0"
    rows = await stage.rows(statement, id=number.id)
    return bool(rows) and all(row["attempts"] >= 2 for row in rows)


async def _judge(stage: Any, number: Any, chats: list[str], what: str) -> None:
    sent = await until_sent(stage, number, CHATS * EACH, within=40)
    wanted = [f"{chat} {n}" for chat in chats for n in range(EACH)]
    lost, doubled = len(set(wanted) - set(sent)), len(sent) - len(set(sent))
    late = sum(
        [text for text in sent if text.startswith(f"{chat} ")] != wanted[n * EACH : (n + 1) * EACH]
        for n, chat in enumerate(chats)
    )
    figures = f"lost {lost}, duplicated {doubled}, out of order {late}"
    print(f"\n{what}: {len(wanted)} messages in {CHATS} chats: {figures}")  # noqa: T201 - the figures of the issue
    assert (lost, doubled, late) == (0, 0, 0)
    assert len(await stage.until_events(number, MessageSent, len(wanted))) == len(wanted)
    assert stage.events(number, MessageFailed) == []


async def test_a_connection_that_closes_in_mid_burst_loses_nothing(stage: Any) -> None:
    number = await stage.number(live=True)
    slow = await stage.fault(number, "delay", times=None, seconds=0.05)
    chats = await _burst(stage, number)
    where = f"/evolution/instances/{number.instance}"
    await eventually(lambda: _some(stage, number), what="a burst under way")
    await stage.control(f"{where}/close", reason="connection_closed")
    await eventually(lambda: _tried_twice(stage, number), within=45, what="all chats tried twice")
    assert len(await stage.sent(number)) < CHATS * EACH
    await stage.mend(slow)
    await stage.control(f"{where}/transient")

    await _judge(stage, number, chats, "closed until every chat had tried twice")


async def test_a_logout_in_mid_burst_waits_for_the_scan_and_loses_nothing(stage: Any) -> None:
    number = await stage.number(live=True)
    slow = await stage.fault(number, "delay", times=None, seconds=0.05)
    chats = await _burst(stage, number)
    where = f"/evolution/instances/{number.instance}"
    await eventually(lambda: _some(stage, number), what="a burst under way")
    await stage.control(f"{where}/close", reason=401)
    await stage.until_row(
        number, "select 1 from integration where id = :id and state = 'needs_scan'"
    )
    assert len(await stage.sent(number)) < CHATS * EACH
    await stage.mend(slow)
    key = {"apikey": "sandbox-global-key"}
    await stage.sandbox.get(f"/evolution/instance/connect/{number.instance}", headers=key)
    await stage.control(f"{where}/scan", number=number.phone)

    await _judge(stage, number, chats, "logged out (401) and scanned again")
