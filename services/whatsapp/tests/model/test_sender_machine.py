"""Whatever happens in whatever order: sent at most once, lost never, order kept.

A model of the sender on the real tables. WhatsApp is one that counts; workers die before and after
their call, stall while others take their lane over, and come back; echoes and acks come early,
late, twice or never.
"""

import asyncio
from collections import Counter
from typing import Any, ClassVar

import pytest
from counting_whatsapp import IN_CALL, Pause
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sender_world import SETTLE, World

from common.contracts import ChatId
from common.db import Database
from common.testing import prepare_database
from whatsapp_service.domain.model.outgoing import TEXT_LIMIT, split_text

pytestmark = pytest.mark.integration

CHATS = 2
OUTCOMES = (
    "ok", "ok", "lost after", "lost before", "slow", "closed", "refused", "dies before",
    "dies after",
)  # fmt: skip


class SenderMachine(RuleBasedStateMachine):
    """Commands, workers, webhooks and the clock, in any order."""

    loop: ClassVar[asyncio.AbstractEventLoop]
    database: ClassVar[Database]
    commands = Bundle("commands")

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.database)
        self.run(self.world.open(CHATS))
        self.chats = sorted(self.world.chats)
        self.asked: dict[ChatId, list[tuple[str, str]]] = {chat: [] for chat in self.chats}
        self.stalled: list[tuple[Pause, asyncio.Task[None]]] = []
        self.count = 0

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    @initialize()
    def nothing_is_left_by_another_example(self) -> None:
        assert self.run(self.world.take()) is None

    # What is asked for

    @rule(target=commands, chat=st.integers(0, CHATS - 1), words=st.sampled_from("abL"))
    def accept(self, chat: int, words: str) -> tuple[ChatId, str, str]:
        self.count += 1
        command, to = f"{self.world.number.id}:{self.count}", self.chats[chat]
        # "a" is said again and again; "b" once; "L" is too long for one message.
        text = {"a": "the same words", "b": f"only once {self.count}"}.get(words, "")
        text = text or f"long {self.count} " + "x" * TEXT_LIMIT
        self.run(self.world.accept(command, to, text))
        self.asked[to].append((command, text))
        return to, command, text

    @rule(command=commands)
    def accept_again(self, command: tuple[ChatId, str, str]) -> None:
        self.run(self.world.accept(command[1], command[0], command[2]))

    @rule(command=commands, every=st.booleans())
    def cancel(self, command: tuple[ChatId, str, str], every: bool) -> None:
        self.run(self.world.cancel(command[0], *([] if every else [command[1]])))

    # What workers do

    @rule(outcome=st.sampled_from(OUTCOMES))
    def work(self, outcome: Any) -> None:
        self.world.whatsapp.outcome = outcome
        job = self.run(self.world.take())
        if job is not None:
            self.run(self.world.work(job))

    @precondition(lambda self: len(self.stalled) < 2)
    @rule(
        outcome=st.sampled_from(("ok", "ok", "lost after", "lost before", "closed")),
        before=st.sampled_from((IN_CALL, 1, 2, 3, 4, 4)),
    )
    def stall(self, outcome: Any, before: int) -> None:
        """A worker stalls, after its message left or before some transaction; its lease ends."""
        self.world.whatsapp.outcome = outcome
        job = self.run(self.world.take())
        if job is not None:
            pause = Pause(before)
            task = self.loop.create_task(self.world.work(job, pause))
            self.run(_reached_or_done(pause, task))
            if not task.done():
                self.stalled.append((pause, task))

    @precondition(lambda self: self.stalled)
    @rule(which=st.integers(0, 1), outcome=st.sampled_from(OUTCOMES))
    def come_back(self, which: int, outcome: Any) -> None:
        pause, task = self.stalled.pop(which % len(self.stalled))
        self.world.whatsapp.outcome = outcome
        pause.over.set()
        self.run(task)

    @precondition(lambda self: self.stalled)
    @rule(which=st.integers(0, 1))
    def die(self, which: int) -> None:
        self.run(self.world.kill(*self.stalled.pop(which % len(self.stalled))))

    # What WhatsApp and the clock do

    @precondition(lambda self: self.world.whatsapp.out)
    @rule(which=st.integers(0, 50))
    def echo(self, which: int) -> None:
        out = self.world.whatsapp.out
        self.run(self.world.echo(out[which % len(out)]))

    @precondition(lambda self: self.world.whatsapp.out)
    @rule(which=st.integers(0, 50), level=st.sampled_from(("SERVER_ACK", "READ", "ERROR")))
    def ack(self, which: int, level: str) -> None:
        out = self.world.whatsapp.out
        self.run(self.world.ack(out[which % len(out)], level))

    @rule(carried_out=st.booleans())
    def time_passes(self, carried_out: bool) -> None:
        """What was slow has happened by now, or never will."""
        slow, self.world.whatsapp.slow = self.world.whatsapp.slow, []
        for parcel in slow if carried_out else []:
            self.world.whatsapp.deliver(parcel)
        self.world.later += SETTLE

    # What must hold

    def _delivered(self, chat: ChatId) -> list[str]:
        jid = self.world.chats[chat]
        return [one.text for one in self.world.whatsapp.out if one.jid == jid]

    @invariant()
    def sent_at_most_once_and_in_order(self) -> None:
        for chat, asked in self.asked.items():
            wanted = [part for _, text in asked for part in split_text(text)]
            sent = self._delivered(chat)
            assert not Counter(sent) - Counter(wanted), "sent twice"
            rest = iter(wanted)
            assert all(part in rest for part in sent), "out of order"

    def teardown(self) -> None:
        """When all trouble ends, everything is sent or said to have failed: once."""
        while self.stalled:
            self.come_back(0, "ok")
        self.world.whatsapp.outcome = "ok"
        self.time_passes(carried_out=True)
        while (job := self.run(self.world.take())) is not None:
            self.run(self.world.work(job))
            self.world.later += SETTLE
        self.sent_at_most_once_and_in_order()
        for chat, asked in self.asked.items():
            self._nothing_is_lost(chat, asked)

    def _nothing_is_lost(self, chat: ChatId, asked: list[tuple[str, str]]) -> None:
        rows = self.run(
            self.world.rows(
                "select command_id, state, sent_ids from outbound where chat_id = :c", c=chat
            )
        )
        states = {row["command_id"]: row["state"] for row in rows}
        ids = [one for row in rows for one in row["sent_ids"]]
        jid = self.world.chats[chat]
        assert sorted(ids) == sorted(o.id for o in self.world.whatsapp.out if o.jid == jid)
        assert set(states.values()) <= {"sent", "failed", "cancelled"}
        wanted = Counter(
            part
            for command, text in asked
            if states[command] == "sent"
            for part in split_text(text)
        )
        # A part of what failed or was cancelled between two parts may be out; nothing else.
        more = Counter(self._delivered(chat)) - wanted
        assert not wanted - Counter(self._delivered(chat)), "lost"
        assert all(part.startswith(("long", "x")) for part in more)


async def _reached_or_done(pause: Pause, task: "asyncio.Task[None]") -> None:
    reached = asyncio.ensure_future(pause.reached.wait())
    await asyncio.wait({reached, task}, return_when=asyncio.FIRST_COMPLETED)
    reached.cancel()


def test_any_interleaving_sends_once_loses_nothing_and_keeps_the_order(
    module_database: str,
) -> None:
    loop = asyncio.new_event_loop()
    address = loop.run_until_complete(prepare_database(module_database, "whatsapp"))
    SenderMachine.loop, SenderMachine.database = loop, Database(address)
    try:
        run_state_machine_as_test(
            SenderMachine,
            settings=settings(
                max_examples=400,
                stateful_step_count=40,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        loop.run_until_complete(SenderMachine.database.close())
        loop.close()
