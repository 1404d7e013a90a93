"""How fast numbers send: replies before broadcasts, budgets, warm-up, quiet hours, risk."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from outgoing import order, wish
from whatsapp_stage import until_sent

from common.contracts import Text, utc_now
from common.testing import eventually
from whatsapp_service.domain.model import QuietHours
from whatsapp_service.domain.model.pacing import (
    WARM_UP,
    RiskLevel,
    Signs,
    plan,
)
from whatsapp_service.domain.usecases.pacing import keep_paces

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


async def test_a_reply_never_waits_for_a_broadcast(stage: Any) -> None:
    number = await stage.number(live=True)
    chats = [await stage.chat(number, f"551197777100{n}") for n in range(5)]
    await wish(stage, number, broadcast_gap=timedelta(hours=1))
    for n, chat in enumerate(chats):
        await order(stage, number, chat, Text(text=f"news {n}"), priority="broadcast")
    await until_sent_of(stage, number, 1)
    for chat in chats:
        await stage.send(number, chat, f"reply to {chat}")

    await until_sent_of(stage, number, 6)
    texts = [row["text"] for row in await stage.sent(number)]
    assert sum(text.startswith("news") for text in texts) == 1
    assert sorted(texts[1:]) == sorted(f"reply to {chat}" for chat in chats)


async def until_sent_of(stage: Any, number: Any, count: int) -> None:
    async def enough() -> bool:
        return len(await stage.sent(number)) >= count

    await eventually(enough, what=f"{count} messages")


async def test_a_broadcast_that_waits_for_its_number_has_not_had_its_turn(stage: Any) -> None:
    number = await stage.number()
    chat = await stage.chat(number)
    await wish(stage, number, broadcast_gap=timedelta(hours=1))
    await stage.take_in(number, [number.state("close", 401)])
    await order(stage, number, chat, Text(text="news"), priority="broadcast")

    await stage.until_row(
        number,
        """select 1 from lane_job where lane_key in (select key from lane where pace_key = :pace)
           and last_error like '%needs_scan%'""",
        pace=f"{number.id}:broadcast",
    )
    health = await _health(stage, number)
    assert health.broadcasts.next_at < utc_now() + timedelta(minutes=1)


async def test_broadcasts_keep_their_gap_and_the_order_of_a_chat(stage: Any) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    await wish(stage, number, broadcast_gap=timedelta(seconds=0.3))
    await order(stage, number, chat, *(Text(text=str(n)) for n in range(4)), priority="broadcast")

    assert await until_sent(stage, number, 4) == ["0", "1", "2", "3"]
    times = [row["at"] for row in await stage.sent(number)]
    assert all(b - a >= 0.25 for a, b in pairwise(times))


async def test_a_wish_is_not_undone_by_a_look_that_began_before_it(stage: Any) -> None:
    number = await stage.number()
    async with stage.open_context() as looking:
        await eventually(looking.paces.ours, what="the worker to end its own look")
        before = await looking.paces.numbers(utc_now())
        wishing = asyncio.create_task(wish(stage, number, broadcast_gap=timedelta(hours=1)))
        waits = "select 1 from pg_locks where locktype = 'advisory' and not granted"
        await eventually(lambda: stage.rows(waits), what="the wish to wait for the look")
        await looking.paces.keep([plan(facts, utc_now()) for facts in before])
    await wishing

    assert (await _health(stage, number)).broadcasts.gap == timedelta(hours=1)


async def test_a_daily_budget_counts_both_kinds_and_stops_both(stage: Any) -> None:
    number = await stage.number(live=True)
    chats = [await stage.chat(number, f"551197777200{n}") for n in range(4)]
    await wish(stage, number, daily_budget=3, broadcast_gap=timedelta(0))
    await order(stage, number, chats[0], Text(text="news"), priority="broadcast")
    await until_sent_of(stage, number, 1)
    async with stage.open_context() as context:
        await keep_paces(context)
    for n, chat in enumerate(chats):
        await stage.send(number, chat, f"reply {n}")
    await until_sent_of(stage, number, 3)

    health = await _health(stage, number)
    assert (health.replies.spent, health.replies.budget, health.replies.waiting) == (2, 2, 2)
    await wish(stage, number)
    await until_sent(stage, number, 5)


async def test_a_new_number_sends_few_broadcasts_and_all_its_replies(stage: Any) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    await wish(stage, number, broadcast_gap=timedelta(0))
    many = [Text(text=f"news {n}") for n in range(WARM_UP[0] + 3)]
    await order(stage, number, chat, *many, priority="broadcast")
    await until_sent_of(stage, number, WARM_UP[0])
    await stage.send(number, chat, "reply")
    await until_sent_of(stage, number, WARM_UP[0] + 1)

    health = await _health(stage, number)
    assert (health.broadcasts.spent, health.broadcasts.waiting) == (WARM_UP[0], 1)
    assert health.first_open_at is not None
    await wish(stage, number, broadcast_gap=timedelta(0), warm_up=False)
    await until_sent_of(stage, number, WARM_UP[0] + 4)


async def test_quiet_hours_hold_broadcasts_back_and_let_replies_go(stage: Any) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    now = utc_now()
    start = (now - timedelta(hours=1)).time().replace(tzinfo=None)
    quiet = QuietHours(start, (now + timedelta(hours=1)).time().replace(tzinfo=None))
    await wish(stage, number, quiet=quiet, broadcast_gap=timedelta(0))
    await order(stage, number, chat, Text(text="news"), priority="broadcast")
    await stage.send(number, chat, "reply")

    assert await until_sent(stage, number, 1) == ["reply"]
    health = await _health(stage, number)
    assert health.broadcasts.next_at > now + timedelta(minutes=50)
    assert health.broadcasts.waiting == 1
    await wish(stage, number, broadcast_gap=timedelta(0))
    assert (await until_sent_all(stage, number, 2))[1] == "news"


async def until_sent_all(stage: Any, number: Any, count: int) -> list[str]:
    await until_sent_of(stage, number, count)
    return [row["text"] for row in await stage.sent(number)]


async def test_typing_is_shown_by_the_length_of_the_text(stage: Any) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    await wish(stage, number, typing_ms_per_char=20)
    began = utc_now().timestamp()
    await stage.send(number, chat, "twenty characters ok")

    await until_sent(stage, number, 1)
    [row] = await stage.sent(number)
    assert row["at"] - began >= 0.4


async def test_refused_and_unacknowledged_messages_raise_the_risk_and_slow_the_number(
    stage: Any,
) -> None:
    number = await stage.number(live=True)
    chat = await stage.chat(number)
    await stage.fault(number, "ack_error", times=2)
    await stage.fault(number, "no_acks", times=6)
    await stage.send(number, chat, *(str(n) for n in range(8)))
    await until_sent(stage, number, 8)
    failed = "select 1 from delivery where integration_id = :id and status = 'failed'"
    await eventually(lambda: _count(stage, number, failed, 2), what="two refusals")
    await stage.rows(
        """update outbound set sent_at = now() - interval '10 minutes'
           where integration_id = :id returning 1""",
        id=number.id,
    )
    await wish(stage, number)

    health = await _health(stage, number)
    assert health.signs == Signs(sent=8, pending=6, refused=2)
    assert RiskLevel.of(health.risk) is RiskLevel.HIGH
    assert health.replies.gap > timedelta(seconds=3)
    assert health.broadcasts.gap > timedelta(seconds=20)


async def _count(stage: Any, number: Any, statement: str, count: int) -> bool:
    return len(await stage.rows(statement, id=number.id)) == count


async def _health(stage: Any, number: Any) -> Any:
    async with stage.open_context() as context:
        return await context.paces.health(number.id)
