"""The agent's process is killed at every step of a turn, and the sandbox counts what came of it.

Each step costs one process: it dies when it passes that step (`mortal.py`) with a customer's turn
in hand, and the next one goes on. In the end the model's server tells what it was asked, the
tool's server what it was told to do, and WhatsApp what it was told to send.
"""

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bench.ground import Ground
from bench.suite import Suite
from common.contracts import utc_now
from common.testing import eventually, served
from devstack.children import Child, Command
from devstack.supervisor import Tier

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

MORTAL = Path(__file__).with_name("mortal.py")
QUICK = {"quiet_seconds": 0, "typing_ms_per_char": 0, "tools": ["book"]}
MODEL = "POST /openai/v1/responses"
SCRIPT = [
    {
        "match": {"tool": "book"},
        "reply": {"tool_calls": [{"name": "book", "arguments": {"day": "monday"}}]},
    },
    {"match": {"tool_output": "booked"}, "reply": {"text": "It is booked."}},
]
STEPS_OF_A_TURN = {
    f"before {MODEL}",
    f"after {MODEL}",
    "before POST /book",
    "after POST /book",
    "before ProduceRequest",
    "after ProduceRequest",
    "after BEGIN;",
    "after COMMIT;",
}
"""A turn without these was not looked at."""
IDLE_STEPS = 10
"""So many pass in a second or two while nobody writes."""
AFTER_AN_ANSWER_SECONDS = 10
"""All steps that follow an answer have passed by then."""
LEASE_SECONDS = 600
"""Nobody takes over before the end, so each has its own customer's turn in hand and no other."""
SETTLED = f"""
    select (select count(*) from conversation) = $1 and not exists (
        select 1 from lane where pending > 0
        and not (leased and due_at < $2::timestamptz + interval '{LEASE_SECONDS} seconds'))"""
"""Whether all who wrote were heard, and what is left in lanes was leased before a moment."""


@dataclass
class Diary:
    """Somebody's server with a tool: one day is booked per idempotency key, however often asked."""

    booked: Counter[str] = field(default_factory=Counter)

    async def book(self, request: Request) -> JSONResponse:
        self.booked[request.headers["idempotency-key"]] += 1
        return JSONResponse({"state": "booked"})


@dataclass
class Mortals:
    """Agents that are going to die."""

    place: Ground
    folder: Path

    async def start(self, number: int, dies_at: str = "") -> tuple[Child, Path]:
        """Start one that counts its steps from when it has tidied up after the one before."""
        began, steps = utc_now(), self.folder / f"steps-{number}"
        port = self.place.addresses.ports["agent"]
        command = Command(
            f"mortal-{number}",
            [sys.executable, str(MORTAL), "agent", "all"],
            self.place.folder / "logs" / f"mortal-{number}.log",
            {
                **self.place.environment("agent"),
                "AGENT_TURN_LEASE_SECONDS": str(LEASE_SECONDS),
                "MORTAL_STEPS": str(steps),
                "MORTAL_DIES_AT": dies_at,
            },
        )
        child = self.place.supervisor.launch(command, Tier.SERVICES, may_end=True)
        await self.place.ready(child, f"http://127.0.0.1:{port}/readyz")
        await self._tidy(number, began)
        steps.touch()
        return child, steps

    async def _tidy(self, customers: int, began: datetime) -> None:
        await eventually(
            lambda: self.place.ask("agent", SETTLED, customers, began), within=30, what="tidied up"
        )


@pytest.fixture
def place(place: Ground) -> Ground:
    place.extra |= {"KAFKA_SESSION_SECONDS": "1", "AGENT_TOOL_HOSTS": '["127.0.0.1"]'}
    return place


def phone(customer: int) -> str:
    return f"55119{customer:08d}"


async def write(running: Suite, number: str, customer: int) -> None:
    await running.write(number, phone(customer), f"I am customer {customer}.")


@dataclass(frozen=True, slots=True)
class Turn:
    """The steps of a turn in order, and which of them are also passed while nobody writes."""

    steps: list[str]
    idle: set[str]

    def unwritten(self, last: int) -> int:
        """How many answers may be paid for and not yet journaled when a worker dies there."""
        if last >= 0 and kind(self.steps[last]) in self.idle:
            return 1  # it may be passed at any moment of a turn
        asked = [n for n in range(last + 1) if kind(self.steps[n]) == f"after {MODEL}"]
        since = self.steps[asked[-1] : last + 1] if asked else []
        return int(bool(since) and not any("after COMMIT" in step for step in since))


def kind(step: str) -> str:
    """Give a step without its number."""
    return step.partition(" ")[2]


async def a_whole_turn(running: Suite, mortals: Mortals, number: str) -> Turn:
    """Let one turn pass undisturbed."""
    child, told = await mortals.start(0)
    await eventually(lambda: told.read_text().count("\n") >= IDLE_STEPS, within=30)
    idle = told.read_text().splitlines()
    await write(running, number, 0)
    await running.sent(1)
    await running.at_rest()
    child.stop()
    steps = told.read_text().splitlines()
    assert set(map(kind, steps[len(idle) :])) >= STEPS_OF_A_TURN
    # The others count from when they start, just before their customer writes.
    number_of: Counter[str] = Counter()
    turn = []
    for step in map(kind, steps[len(idle) :]):
        number_of[step] += 1
        turn.append(f"{number_of[step]} {step}")
    return Turn(turn, set(map(kind, idle)))


async def answered(running: Suite) -> Counter[str]:
    """Count the messages that WhatsApp was told to send, by phone."""
    sent = await running.door("GET", "/_sandbox/evolution/sent")
    return Counter(one["remote_jid"].partition("@")[0] for one in sent)


async def dies(child: Child, running: Suite, customer: int) -> bool:
    """Wait for the end of one that is to die; gives whether it came to its step.

    Not every turn has every step of the first: two of its transactions may leave in one request to
    Kafka. One that answered without is killed then, with what comes after an answer done or not.
    """

    async def ended() -> bool:
        return child.exit_code is not None or phone(customer) in await answered(running)

    await eventually(ended, within=30, what=f"customer {customer} answered, or {child.name} dead")
    try:
        code = await asyncio.to_thread(child.process.wait, AFTER_AN_ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        child.process.kill()
        return False
    return code == -signal.SIGKILL


async def revive(place: Ground) -> None:
    """Start an agent that lives, and let it have what the dead ones held."""
    await place.start("agent", "all", name="agent-again")
    await place.ask("agent", "update lane set due_at = now() where leased returning 1")


async def test_killed_at_every_step_of_a_turn_each_customer_is_answered_once(
    running: Suite, place: Ground, tmp_path: Path
) -> None:
    diary, mortals = Diary(), Mortals(place, tmp_path)
    async with served(Starlette(routes=[Route("/book", diary.book, methods=["POST"])])) as address:
        await running.api.post("/api/tools", json=tool(f"{address}/book"))
        await running.door("POST", "/_sandbox/openai/script", json=SCRIPT)
        number = await running.connect_number(QUICK)
        next(child for child in running.children if child.name == "agent-all").stop()
        turn, missed = await a_whole_turn(running, mortals, number), list[str]()
        for customer, step in enumerate(turn.steps, start=1):
            child, _ = await mortals.start(customer, step)
            await write(running, number, customer)
            if not await dies(child, running, customer):
                missed.append(step)
        assert len(missed) <= len(turn.steps) // 10, missed
        await revive(place)
        customers = len(turn.steps) + 1
        await running.sent(customers)
        await running.at_rest()
        sent = await running.sent(customers)

    assert await answered(running) == {phone(customer): 1 for customer in range(customers)}
    assert {one["text"] for one in sent} == {"It is booked."}
    assert len(diary.booked) == customers, "one effect a customer"
    for customer in range(customers):
        paid = await running.door(
            "GET", "/_sandbox/openai/calls/count", params={"contains": f"customer {customer}."}
        )
        assert 2 <= paid["count"] <= 2 + turn.unwritten(customer - 1), (customer, turn.steps)


def tool(url: str) -> dict[str, Any]:
    return {
        "name": "book",
        "description": "Book a day for the customer.",
        "method": "POST",
        "url": url,
        "parameters": {
            "type": "object",
            "properties": {"day": {"type": "string"}},
            "required": ["day"],
            "additionalProperties": False,
        },
        "effect": "write",
        "repeatable": True,
    }
