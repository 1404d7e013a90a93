"""The consumer runtime: every record ends stored, in the dead letters, or is none of ours."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from common.bus import Consumer, Dispatcher, InProcessBus, Record, Rejection, Router
from common.contracts import (
    CancelMessages,
    ChatId,
    Envelope,
    EventId,
    IntegrationId,
    SendMessage,
    TenantId,
    Text,
    Topic,
    new_id,
    utc_now,
)
from common.contracts.cloudevents import encode_headers
from common.db import OutboxRow
from common.errors import InvalidInput, Unavailable
from common.testing import FakeInbox, eventually

DEAD = Topic.WHATSAPP_DEAD_LETTERS


def words(envelope: Envelope[SendMessage]) -> str:
    content = envelope.event.content
    assert isinstance(content, Text)
    return content.text


@dataclass
class World:
    """What the transactions of a test share: an inbox, dead letters, and what was handled."""

    seen: FakeInbox = field(default_factory=FakeInbox)
    dead: list[OutboxRow] = field(default_factory=list)
    handled: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    away: bool = False
    transactions: int = 0


@dataclass
class Transaction:
    """Keeps nothing unless it commits."""

    inbox: FakeInbox
    outbox: "Transaction"
    rows: list[OutboxRow] = field(default_factory=list)
    handled: list[tuple[str, str]] = field(default_factory=list)

    def add_row(self, row: OutboxRow) -> None:
        self.rows.append(row)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def bus() -> InProcessBus:
    return InProcessBus(partitions=3)


def opener(world: World) -> Callable[[], AbstractAsyncContextManager[Transaction]]:
    @asynccontextmanager
    async def open_context() -> AsyncGenerator[Transaction]:
        if world.away:
            raise Unavailable("Postgres is away")
        inbox = FakeInbox()
        inbox.seen = set(world.seen.seen)
        transaction = Transaction(inbox, None)  # type: ignore[arg-type]  # set next
        transaction.outbox = transaction
        yield transaction
        await asyncio.sleep(0)
        world.transactions += 1
        world.seen.seen |= inbox.seen
        world.dead += transaction.rows
        for key, text in transaction.handled:
            world.handled[key].append(text)

    return open_context


def send(chat: str, text: str, *, event_id: str | None = None) -> Record:
    event = SendMessage(
        command_id=new_id("cmd"),
        chat_id=ChatId(chat),
        integration_id=IntegrationId("int_1"),
        content=Text(text=text),
    )
    envelope = Envelope(EventId(event_id or new_id("evt")), TenantId("ten"), utc_now(), event, "t")
    return Record(event.topic, chat, event.model_dump_json().encode(), encode_headers(envelope))


@asynccontextmanager
async def consuming(
    bus: InProcessBus, world: World, router: Router[Transaction]
) -> AsyncGenerator[Consumer]:
    consumer = Consumer(
        bus.source("whatsapp", router.topics), Dispatcher("whatsapp", router, opener(world))
    )
    stop = asyncio.Event()
    running = asyncio.create_task(consumer.run(stop))
    try:
        yield consumer
    finally:
        stop.set()
        await running


def note_all(world: World) -> Router[Transaction]:
    router = Router[Transaction]()

    @router.on(SendMessage)
    async def note(envelope: Envelope[SendMessage], context: Transaction) -> None:
        text = words(envelope)
        if text == "poison":
            raise InvalidInput("never")
        if text == "bug":
            raise ZeroDivisionError
        context.handled.append((envelope.event.chat_id, text))

    return router


def reasons(world: World) -> list[str]:
    return [dict(row.headers)["dl_reason"] for row in world.dead]


def total(world: World) -> int:
    return sum(map(len, world.handled.values()))


async def test_order_per_key_holds_over_restarts_and_nothing_is_done_twice(
    bus: InProcessBus, world: World
) -> None:
    for round_ in range(4):
        before = world.transactions
        for n in range(100 * round_, 100 * round_ + 100):
            bus.append(send(f"chat{n % 7}", str(n)))
        async with consuming(bus, world, note_all(world)):
            await eventually(lambda: world.transactions > before)  # noqa: B023 - awaited here
    async with consuming(bus, world, note_all(world)):
        await eventually(lambda: total(world) == 400)
    for texts in world.handled.values():
        assert texts == sorted(set(texts), key=int)


async def test_a_batch_is_one_transaction(bus: InProcessBus, world: World) -> None:
    for n in range(100):
        bus.append(send("chat", str(n)))
    async with consuming(bus, world, note_all(world)):
        await eventually(lambda: total(world) == 100)
    assert world.transactions == 1


async def test_poison_goes_to_the_dead_letters_and_its_neighbours_do_not(
    bus: InProcessBus, world: World
) -> None:
    for text in ("1", "poison", "2"):
        bus.append(send("chat", text))
    bus.append(send("other", "3"))
    bus.append(Record(Topic.WHATSAPP_COMMANDS, "chat", b"{", send("chat", "x").headers))
    bus.append(Record(Topic.WHATSAPP_COMMANDS, "chat", b"{}", [("no", b"event")]))
    async with consuming(bus, world, note_all(world)):
        await eventually(lambda: total(world) == 3 and len(world.dead) == 3)
    assert world.handled["chat"] == ["1", "2"]
    assert "never" in reasons(world)
    assert all(row.topic == DEAD for row in world.dead)
    assert {dict(row.headers)["dl_topic"] for row in world.dead} == {"whatsapp.commands.v1"}


async def test_a_bug_is_tried_a_little_and_then_buried(bus: InProcessBus, world: World) -> None:
    bus.append(send("chat", "bug"))
    bus.append(send("chat", "after"))
    async with consuming(bus, world, note_all(world)):
        await eventually(lambda: world.handled["chat"] == ["after"])
    [row] = world.dead
    facts = dict(row.headers)
    assert (facts["dl_error"], facts["dl_attempt"]) == ("bug:ZeroDivisionError", "3")


async def test_an_outage_buries_nothing_and_ends_without_a_restart(
    bus: InProcessBus, world: World
) -> None:
    world.away = True
    for n in range(50):
        bus.append(send(f"chat{n % 5}", str(n)))
    async with consuming(bus, world, note_all(world)) as consumer:
        await eventually(lambda: len(consumer._alone) == 5, what="keys that wait")
        world.away = False
        await eventually(lambda: total(world) == 50)
    assert world.dead == []
    assert all(texts == sorted(texts, key=int) for texts in world.handled.values())


async def test_a_stuck_key_delays_nobody_else(bus: InProcessBus, world: World) -> None:
    router, released = Router[Transaction](), asyncio.Event()

    @router.on(SendMessage)
    async def note(envelope: Envelope[SendMessage], context: Transaction) -> None:
        if envelope.event.chat_id == "stuck" and not released.is_set():
            raise Unavailable("not this one")
        context.handled.append((envelope.event.chat_id, words(envelope)))

    bus.append(send("stuck", "1"))
    bus.append(send("stuck", "2"))
    async with consuming(bus, world, router) as consumer:
        await eventually(lambda: consumer._alone)
        for n in range(30):
            bus.append(send(f"chat{n}", "x"))
        bus.append(send("stuck", "3"))
        await eventually(lambda: total(world) == 30)
        assert world.handled["stuck"] == []
        released.set()
        await eventually(lambda: world.handled["stuck"] == ["1", "2", "3"])


async def test_a_redelivered_event_changes_nothing(bus: InProcessBus, world: World) -> None:
    for _ in range(3):
        bus.append(send("chat", "once", event_id="evt_same"))
    bus.append(send("chat", "end"))
    async with consuming(bus, world, note_all(world)):
        await eventually(lambda: "end" in world.handled["chat"])
    assert world.handled["chat"] == ["once", "end"]


async def test_a_batch_handler_may_reject_one_of_many(bus: InProcessBus, world: World) -> None:
    router = Router[Transaction]()

    @router.on_batch(SendMessage)
    async def some(
        envelopes: Sequence[Envelope[SendMessage]], context: Transaction
    ) -> list[Rejection]:
        refused = []
        for envelope in envelopes:
            if words(envelope) == "no":
                refused.append(Rejection(envelope.id, InvalidInput("unknown chat")))
            else:
                context.handled.append((envelope.event.chat_id, words(envelope)))
        return refused

    for text in ("1", "no", "2"):
        bus.append(send("chat", text))
    async with consuming(bus, world, router):
        await eventually(lambda: world.handled["chat"] == ["1", "2"])
    assert reasons(world) == ["unknown chat"]


async def test_types_of_one_key_keep_their_order(bus: InProcessBus, world: World) -> None:
    router, order = Router[Transaction](), []

    @router.on(SendMessage)
    async def sends(envelope: Envelope[SendMessage], context: Transaction) -> None:
        order.append(words(envelope))

    @router.on(CancelMessages)
    async def cancels(envelope: Envelope[CancelMessages], context: Transaction) -> None:
        order.append(envelope.event.reason)

    def cancel(reason: str) -> Record:
        event = CancelMessages(
            chat_id=ChatId("chat"), integration_id=IntegrationId("int_1"), reason=reason
        )
        envelope = Envelope(EventId(new_id("evt")), TenantId("ten"), utc_now(), event, "t")
        value = event.model_dump_json().encode()
        return Record(event.topic, "chat", value, encode_headers(envelope))

    for record in (send("chat", "1"), cancel("2"), send("chat", "3"), cancel("4")):
        bus.append(record)
    async with consuming(bus, world, router):
        await eventually(lambda: len(order) == 4)
    assert order == ["1", "2", "3", "4"]


async def test_two_members_split_the_work_and_a_leaving_one_hands_over(
    bus: InProcessBus, world: World
) -> None:
    router = note_all(world)
    for n in range(200):
        bus.append(send(f"chat{n % 11}", str(n)))
    async with consuming(bus, world, router):
        async with consuming(bus, world, router):
            for n in range(200, 400):
                bus.append(send(f"chat{n % 11}", str(n)))
            await eventually(lambda: total(world) > 200)
        for n in range(400, 500):
            bus.append(send(f"chat{n % 11}", str(n)))
        await eventually(lambda: total(world) == 500)
    for texts in world.handled.values():
        assert texts == sorted(set(texts), key=int)
