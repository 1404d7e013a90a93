"""python -m bench.chaos: kill workers at random while customers write; count what was lost.

200 customers each write ten times and wait for their answer, which comes in two messages. All
the while workers (and the gateway) are killed with SIGKILL and started again. At the end the
sandbox, which plays WhatsApp and knows nothing of our tables, is asked what it was told to send.
"""

import argparse
import asyncio
import random
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import orjson

from bench.ground import Ground, ground
from bench.killing import Victim, kill_until, victims_of
from bench.suite import Suite, suite
from common.arguments import at_least
from common.contracts import SERVICES, dead_letters
from devstack.errors import StackError
from devstack.places import here

_SETTINGS = {"quiet_seconds": 0, "typing_ms_per_char": 0, "requests_per_minute": 100_000}
_FAST = {
    "KAFKA_SESSION_SECONDS": "2",
    "WHATSAPP_SEND_LEASE_SECONDS": "3",
    "WHATSAPP_SETTLE_SECONDS": "2",
    "AGENT_TURN_LEASE_SECONDS": "3",
}
"""A dead worker is noticed sooner than in production, so that more of them can be killed."""
_PATIENT = {"SANDBOX_WEBHOOK_ATTEMPTS": "100"}
"""Ten attempts, Evolution's own, may all meet a gateway that is killed every few seconds."""
_GIVE_UP_SECONDS = 120


@dataclass(slots=True)
class Told:
    """What WhatsApp was asked to send, by customer, in the order of asking."""

    by_customer: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    seen: int = 0
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def follow(self, running: Suite) -> None:
        """Read what is new, for ever."""
        while True:
            found = await running.door("GET", f"/_sandbox/evolution/sent?since={self.seen}")
            async with self.news:
                for one in found:
                    self.seen = max(self.seen, one["seq"])
                    self.by_customer[_customer(one)].append(one["text"])
                self.news.notify_all()
            await asyncio.sleep(0.1)

    async def wait_for(self, customer: str, text: str) -> None:
        """Wait until a customer was sent these words."""
        async with self.news:
            await self.news.wait_for(lambda: text in self.by_customer[customer])


def _customer(sent: dict[str, Any]) -> str:
    return str(sent["remote_jid"]).partition("@")[0]


def _written(chat: int, turn: int) -> str:
    """What a customer writes: two paragraphs, so that the echo comes as two messages."""
    return f"chat {chat} turn {turn}\n\nplease ({chat}.{turn})"


def _expected(chat: int, turns: int) -> list[str]:
    return [
        part
        for turn in range(turns)
        for part in (f"You said: chat {chat} turn {turn}", f"please ({chat}.{turn})")
    ]


@dataclass(frozen=True, slots=True)
class Play:
    """How much of everything."""

    chats: int
    turns: int
    kills: int
    pause: float
    think: float


async def _customer_life(running: Suite, told: Told, number: str, chat: int, play: Play) -> None:
    phone = f"55119{chat:08d}"
    for turn in range(play.turns):
        await asyncio.sleep(random.uniform(0, 2 * play.think))
        await running.write(number, phone, _written(chat, turn), name=f"Customer {chat}")
        await told.wait_for(phone, f"please ({chat}.{turn})")


async def _count(place: Ground, told: Told, chats: int, turns: int) -> dict[str, int]:
    """Compare what WhatsApp was told with what should have been said."""
    lost = doubled = disordered = 0
    for chat in range(chats):
        expected = _expected(chat, turns)
        said = told.by_customer[f"55119{chat:08d}"]
        lost += len(set(expected) - set(said))
        doubled += len(said) - len(set(said))
        once = list(dict.fromkeys(said))
        disordered += sum(
            a != b for a, b in zip(once, [t for t in expected if t in once], strict=False)
        )
    stored = await place.ask("whatsapp", "select count(*) from whatsapp_message where not outgoing")
    return {
        "webhooks_stored": stored,
        "webhooks_not_stored_once": abs(chats * turns - stored),
        "answers_lost": lost,
        "answers_sent_twice": doubled,
        "answers_out_of_order": disordered,
        "dead_letters": await dead_letter_count(place),
    }


async def _never_accepted(running: Suite) -> int:
    """Count the webhooks that Evolution could not deliver: those are not ours to lose."""
    outcomes = (await running.door("GET", "/_sandbox/evolution/webhooks"))["by_outcome"]
    return int(outcomes["gave_up"] + outcomes["refused"])


async def dead_letter_count(place: Ground) -> int:
    """Count what all services have given up."""
    from aiokafka import AIOKafkaConsumer, TopicPartition  # noqa: PLC0415 - only here

    consumer = AIOKafkaConsumer(bootstrap_servers=place.bootstrap)
    await consumer.start()
    try:
        partitions = [TopicPartition(dead_letters(s), n) for s in SERVICES for n in range(3)]
        return sum((await consumer.end_offsets(partitions)).values())
    finally:
        await consumer.stop()


async def run(play: Play) -> dict[str, Any]:
    """Play it; gives the figures."""
    chats, turns = play.chats, play.turns
    async with ground("chaos") as place:
        place.extra |= _FAST
        async with suite(place, **_PATIENT) as running, victims_of(place, running) as victims:
            number = await running.connect_number(_SETTINGS)
            told, began = Told(), time.monotonic()
            following = asyncio.create_task(told.follow(running))
            lives = [
                asyncio.create_task(_customer_life(running, told, number, chat, play))
                for chat in range(chats)
            ]
            done = asyncio.Event()
            killing = asyncio.create_task(kill_until(done, victims, play.pause))
            late = await _live(lives, killing, victims, play.kills)
            done.set()
            await killing
            await asyncio.sleep(3)  # a second copy of anything would be sent by now
            following.cancel()
            counted = await _count(place, told, chats, turns)
            never = await _never_accepted(running)
            return {
                "messages": chats * turns,
                "answers_expected": chats * turns * 2,
                "kills": {victim.name: victim.kills for victim in victims},
                "kills_in_all": sum(victim.kills for victim in victims),
                "seconds": round(time.monotonic() - began, 1),
                "customers_still_waiting": late,
                "webhooks_never_accepted": never,
                **counted,
            }


async def _live(
    lives: list["asyncio.Task[None]"],
    killing: "asyncio.Task[None]",
    victims: list[Victim],
    kills: int,
) -> int:
    """Wait until every customer has all answers; gives how many never got them."""
    until = time.monotonic() + _GIVE_UP_SECONDS
    waiting = set(lives)
    while waiting:
        finished, waiting = await asyncio.wait(waiting, timeout=5)
        for life in finished:
            life.result()
        if killing.done():
            killing.result()
        killed = sum(victim.kills for victim in victims)
        print(
            f"  {len(lives) - len(waiting)} of {len(lives)} customers done, {killed} kills",
            flush=True,
        )
        if finished or killed < kills:
            until = time.monotonic() + _GIVE_UP_SECONDS
        if time.monotonic() > until:
            break
    for life in waiting:
        life.cancel()
    return len(waiting)


def main(argv: list[str] | None = None) -> int:
    """Play, print the figures, and fail when anything was lost, doubled or out of order."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    add = parser.add_argument
    add("--chats", type=at_least(1), default=200, help="customers (200)")
    add("--turns", type=at_least(1), default=10, help="times each of them writes (10)")
    add("--kills", type=at_least(0), default=20, help="at least so many (20)")
    add("--pause", type=at_least(0.0), default=2.5, help="seconds between kills, about (2.5)")
    add("--think", type=at_least(0.0), default=9.0, help="seconds between turns, about (9)")
    add("--seed", type=int, default=None, help="repeat the same choices")
    given = parser.parse_args(argv)
    random.seed(given.seed)
    try:
        found = asyncio.run(
            run(Play(given.chats, given.turns, given.kills, given.pause, given.think))
        )
    except StackError as error:
        print(error, file=sys.stderr)
        return 2
    print()
    for name, value in found.items():
        print(f"{name:<28} {value}")
    (here().state / "chaos.json").write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    failed = any(found[name] for name in _MUST_BE_ZERO) or found["kills_in_all"] < given.kills
    print("\nFAILED" if failed else "\nnothing lost, nothing doubled, nothing out of order")
    return 1 if failed else 0


_MUST_BE_ZERO = (
    "customers_still_waiting",
    "webhooks_never_accepted",
    "webhooks_not_stored_once",
    "answers_lost",
    "answers_sent_twice",
    "answers_out_of_order",
    "dead_letters",
)

if __name__ == "__main__":
    sys.exit(main())
